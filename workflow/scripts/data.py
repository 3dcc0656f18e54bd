"""Prepare the data set of an experiment."""

from pathlib import Path

from erde.datasets.fingerprint import record_identity
from erde.datasets.sources import prepare_file, source_settings
from erde.running.holding.lock import folder_lock
from erde.running.job import running
from erde_core.store.dataset import read_dataset

experiment, params = snakemake.wildcards.experiment, snakemake.params
with running(f"{experiment} · data", snakemake.log[0]) as say:
    results, settings = Path("results", experiment), source_settings(params.dataset)
    unfinished = results / "checkpoints" / "data"
    with folder_lock(unfinished, say):
        prepare_file(
            settings,
            Path(snakemake.config["data"]),
            Path(snakemake.output[0]),
            crops=params.crops,
            folder=unfinished,
            made_by=f"{params.code} {params.versions}",
            say=say,
        )
    dataset = read_dataset(snakemake.output[0])
    splits = (dataset.train, dataset.val, dataset.test)
    counts = " / ".join(str(len(split)) for split in splits)
    say(f"{len(dataset.class_names)} classes, {counts} train / val / test images")
    say(f"from {dataset.source}")
    record_identity(settings, results, params.images)
