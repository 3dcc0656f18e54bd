"""Sweep the exit thresholds of all students of an experiment."""

from erde.evaluation import tables
from erde.evaluation.pareto import budget_rows, check_comparable, curve_rows, teacher_rows
from erde.running.job import running
from erde_core.scores.scored_logits import score_networks
from erde_core.store.exit_logits import read_exit_logits, read_networks

with running(f"{snakemake.wildcards.experiment} · sweep", snakemake.log[0]):
    out, teacher = snakemake.output, read_exit_logits(snakemake.input.teacher)
    networks = read_networks(snakemake.params.students, snakemake.input.students)
    students = score_networks(snakemake.params.score, networks)
    check_comparable(teacher, students)
    tables.TEACHER_EXITS.write(out.teacher_exits, teacher_rows(teacher))
    tables.CURVES.write(out.curves, curve_rows(students))
    tables.PARETO.write(out.pareto, budget_rows(teacher, students))
