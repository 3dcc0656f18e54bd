"""Put trained members together to a cascade."""

from erde.running.job import running
from erde_torch.networks.cascades.assemble import assemble
from erde_torch.networks.weights import write_network

wildcards = snakemake.wildcards
name = f"{wildcards.experiment} · {wildcards.variant}/seed{wildcards.seed}"
with running(name, snakemake.log[0]) as say:
    cascade, card = assemble(snakemake.input, snakemake.params.average)
    write_network(snakemake.output[0], cascade, card)
    say(f"{len(cascade.members)} members, {cascade.exit_count} exits; nothing was trained for it")
