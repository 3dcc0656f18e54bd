"""Collect the exit logits of one trained network."""

from erde.running.gpus.claim_device import claim_device
from erde.running.job import running
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_core.store.exit_logits import write_exit_logits
from erde_torch.device import set_threads
from erde_torch.networks.exit_logits import collect_exit_logits
from erde_torch.networks.weights import read_network

name = f"{snakemake.wildcards.experiment} · {snakemake.wildcards.network} · exit logits"
with running(name, snakemake.log[0]) as say:
    set_threads(snakemake.params.train_threads)
    dataset = read_dataset(snakemake.input.data)
    network, card = read_network(snakemake.input.weights)
    device = claim_device(snakemake.params.device, say)
    exits = collect_exit_logits(network, card, dataset, dataset_hash(dataset), device)
    write_exit_logits(snakemake.output[0], exits)
