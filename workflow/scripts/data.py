"""Prepare the data set of an experiment."""

from pathlib import Path

from erde.datasets.fingerprint import record_identity
from erde.datasets.sources import prepare, source_settings
from erde.running.job import running
from erde_core.store.dataset import write_dataset

with running(f"{snakemake.wildcards.experiment} · data", snakemake.log[0]) as say:
    settings = source_settings(snakemake.params.dataset)
    dataset = prepare(settings, Path(snakemake.params.root))
    splits = (dataset.train, dataset.val, dataset.test)
    counts = " / ".join(str(len(split)) for split in splits)
    say(f"{len(dataset.class_names)} classes, {counts} train / val / test images")
    say(f"from {dataset.source}")
    write_dataset(snakemake.output[0], dataset)
    results = Path("results", snakemake.wildcards.experiment)
    record_identity(settings, results, snakemake.params.images)
