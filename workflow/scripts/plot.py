"""Draw accuracy over cost."""

from erde.pictures.pareto import pareto_figure, save_figure
from erde.running.stage import running
from erde_core.store.tables import read_table

with running(f"{snakemake.wildcards.experiment} · plot", snakemake.log[0]) as say:
    tables = {name: read_table(snakemake.input[name]) for name in ("curves", "pareto", "teacher")}
    save_figure(pareto_figure(snakemake.wildcards.experiment, **tables), snakemake.output[0])
    say(f"the picture is {snakemake.output[0]}")
