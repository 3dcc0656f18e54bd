"""Tell and draw what each of the listed values gives."""

from erde.evaluation.values import value_rows
from erde.pictures.pareto import save_figure
from erde.pictures.values import values_figure
from erde.running.stage import running
from erde_core.store.tables import read_table, write_table

with running(f"{snakemake.wildcards.experiment} · values", snakemake.log[0]) as say:
    rows = value_rows(read_table(snakemake.input[0]))
    write_table(snakemake.output.table, rows)
    figure = values_figure(snakemake.wildcards.experiment, read_table(snakemake.output.table))
    save_figure(figure, snakemake.output.picture)
    say(f"the picture is {snakemake.output.picture}")
