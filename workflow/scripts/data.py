"""Prepare the data set of an experiment."""

from erde_core.store.dataset import write_dataset
from erde_torch.datasets.prepare import prepare
from erde_torch.job.stage import running

with running(f"{snakemake.wildcards.experiment} · data", snakemake.log[0]) as say:
    options = dict(snakemake.params.dataset)
    dataset = prepare(options.pop("name"), snakemake.params.root, **options)
    splits = (dataset.train, dataset.val, dataset.test)
    counts = " / ".join(str(len(split)) for split in splits)
    say(f"{len(dataset.class_names)} classes, {counts} train / val / test images")
    write_dataset(snakemake.output[0], dataset)
