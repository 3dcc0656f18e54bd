"""Bring one student to 8 bits, and collect what its exits say of validation and test images."""

from pathlib import Path

from erde.running.job import running
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_core.store.exit_logits import write_exit_logits
from erde_torch.device import set_threads
from erde_torch.int8.exit_logits import int8_exit_logits
from erde_torch.int8.quantise import facts_of, quantised_network
from erde_torch.int8.settings import Int8Settings
from erde_torch.int8.stages import stage_bytes, write_stages
from erde_torch.networks.weights import read_network

name = "{experiment} · {variant}/seed{seed} · int8".format(**snakemake.wildcards)
with running(name, snakemake.log[0]) as say:
    set_threads(snakemake.threads)
    dataset = read_dataset(snakemake.input.data)
    network, card = read_network(snakemake.input.weights)
    card.check_data(dataset, dataset_hash(dataset))
    settings = Int8Settings(**snakemake.params.quantisation)
    stages = quantised_network(network, card, dataset, settings)
    facts, size = facts_of(stages[0]), stage_bytes(stages)
    say(f"ranges from {facts['images']} train images, method {facts['method']}")
    say(f"stages of {size:,} bytes, {size / facts['float32_bytes']:.2f} of float32's")
    for left in facts["exceptions"]:
        say("{layer} ({operator}) stays in float32: {bytes} bytes".format(**left))
    exits = int8_exit_logits(stages, network, card, dataset, dataset_hash(dataset))
    write_stages(Path(snakemake.output.stages), stages)
    write_exit_logits(snakemake.output.exits, exits)
