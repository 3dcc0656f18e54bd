"""The decision, intervals, comparisons, thresholds, audit and calibration of an experiment."""

import numba

from erde.evaluation import tables
from erde.evaluation.audit import audit_rows, class_rows
from erde.evaluation.calibration import exit_rows, reliability_rows
from erde.evaluation.confusion import confusion_rows
from erde.evaluation.decision import decision_rows
from erde.evaluation.differences.comparison import (
    area_rows,
    band_rows,
    comparison_rows,
    overall_rows,
)
from erde.evaluation.differences.resample import resample_variants
from erde.evaluation.operating_points import operating_rows, per_exit_rows
from erde.evaluation.pareto import check_comparable, in_float32
from erde.evaluation.precisions import mixed_training, trained_in
from erde.running.job import running
from erde_core.scores.scored_logits import score_networks
from erde_core.store.exit_logits import read_exit_logits, read_networks

with running(f"{snakemake.wildcards.experiment} · statistics", snakemake.log[0]) as say:
    numba.set_num_threads(min(snakemake.threads, numba.config.NUMBA_NUM_THREADS))
    inputs, methods = snakemake.input, snakemake.params.methods
    teacher, pareto = read_exit_logits(inputs.teacher), tables.PARETO.read(inputs.pareto)
    networks = read_networks(snakemake.params.students, inputs.students)
    networks = score_networks(snakemake.params.score, networks)
    check_comparable(teacher, networks)
    if mixed := mixed_training(trained_in(networks)):
        say(f"caution: {mixed}")
    students = in_float32(networks)
    names = {variant for variant, _ in students}
    resampled = resample_variants(networks)
    say("resampled the test images 1,000 times")
    score = next(iter(students.values())).score
    rows = {
        tables.BANDS: band_rows(resampled),
        tables.AREAS: area_rows(resampled),
        tables.COMPARISON: comparison_rows(resampled, methods, score),
        tables.OVERALL: overall_rows(resampled, methods, score),
        tables.AUDIT: audit_rows(teacher, students, snakemake.params.taught_by),
        tables.CLASSES: class_rows(students),
        tables.CONFUSION: confusion_rows(students),
        tables.EXITS: exit_rows(networks),
        tables.RELIABILITY: reliability_rows(networks),
        tables.PER_EXIT: per_exit_rows(teacher, students),
        tables.OPERATING_POINTS: operating_rows(networks, pareto),
        tables.DECISION: decision_rows(
            teacher, students, [row for row in pareto if row["variant"] in names]
        ),
    }
    for table in tables.STATISTICS:
        table.write(snakemake.output[table.name], rows[table])
