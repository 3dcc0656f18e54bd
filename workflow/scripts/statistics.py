"""Intervals, comparisons, chosen thresholds, audit and calibration of an experiment."""

import numba

from erde.evaluation.audit import audit_rows, class_rows
from erde.evaluation.calibration import exit_rows, reliability_rows
from erde.evaluation.comparison import (
    COMPARISON_COLUMNS,
    OVERALL_COLUMNS,
    area_rows,
    band_rows,
    comparison_rows,
    overall_rows,
)
from erde.evaluation.operating_points import operating_rows, per_exit_rows
from erde.evaluation.pareto import check_comparable
from erde.evaluation.resample import resample_variants
from erde.running.stage import running
from erde_core.store.exit_logits import read_exit_logits, read_networks
from erde_core.store.files import write_text
from erde_core.store.tables import write_table

with running(f"{snakemake.wildcards.experiment} · statistics", snakemake.log[0]) as say:
    numba.set_num_threads(min(snakemake.threads, numba.config.NUMBA_NUM_THREADS))
    out, methods = snakemake.output, snakemake.params.methods
    teacher = read_exit_logits(snakemake.input.teacher)
    students = read_networks(snakemake.params.students, snakemake.input.students)
    check_comparable(teacher, students)
    resampled = resample_variants(students)
    say("resampled the test images 1,000 times")
    classes = teacher.test.logits.shape[2]
    macs = next(iter(students.values())).macs
    write_table(out.bands, band_rows(resampled, macs))
    write_table(out.areas, area_rows(resampled))
    if len(methods) > 1:
        write_table(out.comparison, comparison_rows(resampled, methods, macs, classes))
        write_table(out.overall, overall_rows(resampled, methods))
    else:
        write_text(out.comparison, ",".join(COMPARISON_COLUMNS) + "\n")
        write_text(out.overall, ",".join(OVERALL_COLUMNS) + "\n")
    write_table(out.audit, audit_rows(teacher, students))
    write_table(out.classes, class_rows(students))
    write_table(out.exits, exit_rows(students))
    write_table(out.reliability, reliability_rows(students))
    write_table(out.per_exit, per_exit_rows(teacher, students))
    write_table(out.operating_points, operating_rows(teacher, students))
