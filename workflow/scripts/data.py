"""Prepare the data set of an experiment."""

from erde.datasets.prepare import prepare
from erde.running.stage import running
from erde_core.store.dataset import write_dataset

with running(f"{snakemake.wildcards.experiment} · data", snakemake.log[0]) as say:
    options = dict(snakemake.params.dataset)
    dataset = prepare(options.pop("name"), snakemake.params.root, **options)
    splits = (dataset.train, dataset.val, dataset.test)
    counts = " / ".join(str(len(split)) for split in splits)
    say(f"{len(dataset.class_names)} classes, {counts} train / val / test images")
    write_dataset(snakemake.output[0], dataset)
