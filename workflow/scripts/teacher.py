"""Train the teacher, or the teacher of one fold; read the one that is there already."""

from pathlib import Path

from erde.experiment.schema import read_experiment
from erde.running.asking.given_teacher import bring_teacher
from erde.running.job import running
from erde.running.job_host import device_of
from erde.running.training.training_script import Trained, train_and_write
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_torch.device import set_threads
from erde_torch.training.settings import TeacherSettings
from erde_torch.training.teacher import train_teacher

params, experiment = snakemake.params, snakemake.wildcards.experiment


def train(name):
    fold = int(name.removeprefix("teacher/fold")) if "fold" in name else None

    def learn(opened):
        asked = TeacherSettings.of(params.teacher), opened.augment, opened.host, fold
        return Trained(*train_teacher(opened.dataset, opened.dataset_hash, *asked))

    train_and_write(snakemake, __file__, name, "teacher", learn)


def read():
    with running(f"{experiment} · given teacher", snakemake.log[0]) as say:
        set_threads(snakemake.threads)
        dataset = read_dataset(snakemake.input.data)
        asked = read_experiment(f"{snakemake.config['experiments']}/{experiment}.yaml")
        device = device_of(snakemake, say)
        data = dataset, dataset_hash(dataset)
        bring_teacher(Path(snakemake.output[0]), asked, *data, device, say)


if "content" in params.keys():  # noqa: SIM118 -- Snakemake's Namedlist iterates over values
    read()
else:
    train(snakemake.wildcards.teacher)
