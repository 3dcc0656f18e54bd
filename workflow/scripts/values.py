"""Tell and draw what each of the listed values gives."""

from erde.evaluation.tables import PARETO, VALUES
from erde.evaluation.values import value_rows
from erde.pictures.drawing import save_figure
from erde.pictures.values import values_figure
from erde.running.job import running

with running(f"{snakemake.wildcards.experiment} · values", snakemake.log[0]) as say:
    rows = value_rows(PARETO.read(snakemake.input[0]))
    VALUES.write(snakemake.output.table, rows)
    save_figure(values_figure(snakemake.wildcards.experiment, rows), snakemake.output.picture)
    say(f"the picture is {snakemake.output.picture}")
