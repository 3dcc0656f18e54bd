"""Sweep the exit thresholds of all students of an experiment."""

from erde.evaluation.pareto import budget_rows, check_comparable, curve_rows, teacher_rows
from erde.running.stage import running
from erde_core.store.exit_logits import read_exit_logits, read_networks
from erde_core.store.tables import write_table

with running(f"{snakemake.wildcards.experiment} · sweep", snakemake.log[0]):
    teacher = read_exit_logits(snakemake.input.teacher)
    students = read_networks(snakemake.params.students, snakemake.input.students)
    check_comparable(teacher, students)
    write_table(snakemake.output.teacher, teacher_rows(teacher))
    write_table(snakemake.output.curves, curve_rows(students))
    write_table(snakemake.output.pareto, budget_rows(teacher, students))
