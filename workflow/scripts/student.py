"""Train one student."""

from pathlib import Path

from erde.experiment.schema import Augment, Student, read_experiment
from erde.running.estimate import announce
from erde.running.lock import check_held
from erde.running.training_stage import run_training
from erde_core.settings import LossSettings
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_core.store.tables import write_table
from erde_core.store.teacher_logits import read_teacher_logits
from erde_torch.device import choose_precision
from erde_torch.networks.weights import network_hash, read_network, write_network
from erde_torch.teacher_cache.fill import expected_identity
from erde_torch.training.student import train_student
from erde_torch.training.teacher_answers import CachedTeacher, OnlineTeacher

params, inputs = snakemake.params, snakemake.input
experiment_name = snakemake.wildcards.experiment
name = f"{snakemake.wildcards.variant}/seed{snakemake.wildcards.seed}"


def teacher(dataset, data_hash, augment, env):
    """The keyword arguments that give the student its teacher."""
    if "cache" in inputs.keys():  # noqa: SIM118 -- Snakemake's Namedlist iterates over values
        expected = expected_identity(dataset, data_hash, augment, params.views)
        cache = read_teacher_logits(inputs.cache, **expected)
        return {"cached": CachedTeacher(cache, env.device), "teacher_hash": cache.sha256}
    if "online" in inputs.keys():  # noqa: SIM118
        network, _ = read_network(inputs.online)
        precision = choose_precision(params.teacher_precision, env.device)
        online = OnlineTeacher(network, precision, env.device)
        return {"online": online, "teacher_hash": network_hash(network)}
    return {}


def train(env):
    dataset = read_dataset(inputs.data)
    if env.processes.first:
        experiment = read_experiment(f"{snakemake.config['experiments']}/{experiment_name}.yaml")
        announce(dataset, experiment, Path("results", experiment_name), env)
    data_hash = dataset_hash(dataset)
    augment = Augment.model_validate(params.augment)
    network, card, history = train_student(
        dataset,
        data_hash,
        Student.model_validate(params.student),
        augment,
        params.views,
        LossSettings(**params.loss),
        int(snakemake.wildcards.seed),
        env,
        **teacher(dataset, data_hash, augment, env),
    )
    if env.processes.first:
        check_held(env.folder)
        write_network(snakemake.output.weights, network, card)
        write_table(snakemake.output.history, history)


run_training(snakemake, __file__, name, "student", train)
