"""Fill the teacher-logits cache."""

from pathlib import Path

from erde.running.holding.lock import folder_lock
from erde.running.job import running
from erde.running.job_host import job_host
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_torch.device import choose_precision, set_threads
from erde_torch.networks.weights import read_network
from erde_torch.teacher_cache.fill import build_cache
from erde_torch.training.settings import AugmentSettings

with running(f"{snakemake.wildcards.experiment} · cache", snakemake.log[0]) as say:
    host = job_host(snakemake, "cache", say)
    set_threads(snakemake.params.train_threads)
    dataset = read_dataset(snakemake.input.data)
    data = dataset, dataset_hash(dataset)
    teachers = [read_network(path) for path in snakemake.input.teachers]
    for _, card in teachers:
        card.check_data(*data)
    with folder_lock(host.folder, say):
        build_cache(
            Path(snakemake.output[0]),
            *data,
            [network for network, _ in teachers],
            AugmentSettings(**snakemake.params.augment),
            snakemake.params.views,
            choose_precision(snakemake.params.precision, host.device),
            host,
        )
