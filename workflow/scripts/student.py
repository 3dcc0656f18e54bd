"""Train one student."""

from pathlib import Path

from erde.evaluation.tables import HISTORY
from erde.experiment.schema import read_experiment
from erde.running.estimate import announce
from erde.running.lock import check_held
from erde.running.training_stage import run_training
from erde_core.settings import LossSettings
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_core.store.teacher_logits import read_teacher_logits
from erde_torch.device import choose_precision
from erde_torch.networks.weights import network_hash, read_network, write_network
from erde_torch.teacher_cache.fill import expected_identity
from erde_torch.training.settings import AugmentSettings, StudentSettings
from erde_torch.training.student import train_student
from erde_torch.training.teacher_answers import CachedTeacher, OnlineTeacher

params, inputs = snakemake.params, snakemake.input
experiment_name = snakemake.wildcards.experiment
name = f"{snakemake.wildcards.variant}/seed{snakemake.wildcards.seed}"


def teacher(dataset, data_hash, augment, host):
    """The keyword arguments that give the student its teacher."""
    if "cache" in inputs.keys():  # noqa: SIM118 -- Snakemake's Namedlist iterates over values
        expected = expected_identity(dataset, data_hash, augment, params.views)
        cache = read_teacher_logits(inputs.cache, **expected)
        return {"cached": CachedTeacher(cache, host.device), "teacher_hash": cache.sha256}
    if "online" in inputs.keys():  # noqa: SIM118
        network, _ = read_network(inputs.online)
        precision = choose_precision(params.teacher_precision, host.device)
        online = OnlineTeacher(network, precision, host.device)
        return {"online": online, "teacher_hash": network_hash(network)}
    return {}


def train(host):
    dataset = read_dataset(inputs.data)
    if host.processes.first:
        experiment = read_experiment(f"{snakemake.config['experiments']}/{experiment_name}.yaml")
        announce(dataset, experiment, Path("results", experiment_name), host)
    data_hash = dataset_hash(dataset)
    augment = AugmentSettings(**params.augment)
    network, card, history = train_student(
        dataset,
        data_hash,
        StudentSettings.of(params.student),
        augment,
        params.views,
        LossSettings(**params.loss),
        int(snakemake.wildcards.seed),
        host,
        **teacher(dataset, data_hash, augment, host),
    )
    if host.processes.first:
        check_held(host.folder)
        write_network(snakemake.output.weights, network, card)
        HISTORY.write(snakemake.output.history, history)


run_training(snakemake, __file__, name, "student", train)
