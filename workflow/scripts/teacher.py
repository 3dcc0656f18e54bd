"""Train the teacher, or the teacher of one fold."""

from pathlib import Path

from erde.evaluation.tables import HISTORY
from erde.experiment.schema import read_experiment
from erde.running.estimate import announce
from erde.running.lock import check_held
from erde.running.training_stage import run_training
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_torch.networks.weights import write_network
from erde_torch.training.settings import AugmentSettings, TeacherSettings
from erde_torch.training.teacher import train_teacher

name, experiment_name = snakemake.wildcards.teacher, snakemake.wildcards.experiment


def train(host):
    dataset = read_dataset(snakemake.input.data)
    if host.processes.first:
        experiment = read_experiment(f"{snakemake.config['experiments']}/{experiment_name}.yaml")
        announce(dataset, experiment, Path("results", experiment_name), host)
    network, card, history = train_teacher(
        dataset,
        dataset_hash(dataset),
        TeacherSettings.of(snakemake.params.teacher),
        AugmentSettings(**snakemake.params.augment),
        host,
        int(name.removeprefix("teacher/fold")) if "fold" in name else None,
    )
    if host.processes.first:
        check_held(host.folder)
        write_network(snakemake.output.weights, network, card)
        HISTORY.write(snakemake.output.history, history)


run_training(snakemake, __file__, name, "teacher", train)
