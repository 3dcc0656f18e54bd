"""Collect the exit logits of one network: of a student, or of the teacher."""

from erde.running.job import running
from erde.running.job_host import device_of
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_core.store.exit_logits import write_exit_logits
from erde_torch.device import set_threads
from erde_torch.networks.exit_logits import collect_exit_logits
from erde_torch.teachers.answers import StoredAnswers
from erde_torch.teachers.answers_cache import answers_exit_logits
from erde_torch.teachers.file import read_teacher

name = f"{snakemake.wildcards.experiment} · {snakemake.wildcards.network} · exit logits"
with running(name, snakemake.log[0]) as say:
    asked = snakemake.params.train_threads
    threads = snakemake.threads if asked == "auto" else asked
    set_threads(threads)
    dataset = read_dataset(snakemake.input.data)
    network, card = read_teacher(snakemake.input.weights, threads)
    if isinstance(network, StoredAnswers):
        exits = answers_exit_logits(network, dataset, dataset_hash(dataset))
    else:
        device = device_of(snakemake, say)
        exits = collect_exit_logits(network, card, dataset, dataset_hash(dataset), device)
    write_exit_logits(snakemake.output[0], exits)
