"""Draw accuracy over cost."""

from erde.evaluation.tables import CURVES, PARETO, TEACHER_EXITS
from erde.pictures.drawing import save_figure
from erde.pictures.pareto import pareto_figure
from erde.running.job import running

with running(f"{snakemake.wildcards.experiment} · plot", snakemake.log[0]) as say:
    tables = {
        table.name: table.read(snakemake.input[table.name])
        for table in (CURVES, PARETO, TEACHER_EXITS)
    }
    save_figure(pareto_figure(snakemake.wildcards.experiment, **tables), snakemake.output[0])
    say(f"the picture is {snakemake.output[0]}")
