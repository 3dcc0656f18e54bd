"""Every exit policy of every student, held against entropy with one threshold."""

from erde.evaluation import tables
from erde.evaluation.pareto import check_comparable
from erde.evaluation.policies.table import policy_tables
from erde.running.job import running
from erde_core.store.exit_logits import read_exit_logits, read_networks

with running(f"{snakemake.wildcards.experiment} · policies", snakemake.log[0]):
    out, teacher = snakemake.output, read_exit_logits(snakemake.input.teacher)
    students = read_networks(snakemake.params.students, snakemake.input.students)
    check_comparable(teacher, students)
    policies, overall = policy_tables(teacher, students)
    tables.POLICIES.write(out.policies, policies)
    tables.POLICIES_OVERALL.write(out.overall, overall)
