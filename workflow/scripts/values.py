"""Tell and draw what each of the listed values gives."""

from erde_core.store.tables import read_table, write_table
from erde_torch.evaluation.values import value_rows
from erde_torch.figure import save_figure
from erde_torch.job.stage import running
from erde_torch.values_figure import values_figure

with running(f"{snakemake.wildcards.experiment} · values", snakemake.log[0]) as say:
    rows = value_rows(read_table(snakemake.input[0]))
    write_table(snakemake.output.table, rows)
    figure = values_figure(snakemake.wildcards.experiment, read_table(snakemake.output.table))
    save_figure(figure, snakemake.output.picture)
    say(f"the picture is {snakemake.output.picture}")
