"""Train one static rival and collect what it answers."""

from dataclasses import replace

from erde.running.lock import check_held
from erde.running.training_stage import run_training
from erde_core.settings import LossSettings
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_core.store.exit_logits import write_exit_logits
from erde_core.store.teacher_logits import read_teacher_logits
from erde_torch.networks.exit_logits import collect_exit_logits
from erde_torch.networks.rival import rival_loss, rival_network
from erde_torch.networks.weights import write_network
from erde_torch.teacher_cache.fill import expected_identity
from erde_torch.training.settings import AugmentSettings, StudentSettings
from erde_torch.training.student import train_student
from erde_torch.training.teacher_answers import CachedTeacher, LastExit

params, rival = snakemake.params, snakemake.wildcards.rival
name = f"rivals/{rival}/seed{snakemake.wildcards.seed}"


def train(host):
    dataset = read_dataset(snakemake.input.data)
    data_hash, augment = dataset_hash(dataset), AugmentSettings(**params.augment)
    expected = expected_identity(dataset, data_hash, augment, params.views)
    cache = read_teacher_logits(snakemake.input.cache, **expected)
    student = StudentSettings.of(params.student)
    height, breadth, channels = dataset.train.images.shape[1:]
    shape, classes = (channels, height, breadth), len(dataset.class_names)
    plain = rival_network(rival, student.network, classes, shape)
    network, card, _ = train_student(
        dataset,
        data_hash,
        replace(student, network=plain.network),
        augment,
        params.views,
        rival_loss(LossSettings(**params.loss), plain.exits, plain.ends_at),
        int(snakemake.wildcards.seed),
        host,
        cached=LastExit(CachedTeacher(cache, host.device), plain.exits),
        teacher_hash=f"{cache.sha256} last exit",
    )
    if host.processes.first:
        check_held(host.folder)
        write_network(snakemake.output.weights, network, card)
        exits = collect_exit_logits(network, card, dataset, data_hash, host.device)
        write_exit_logits(snakemake.output.logits, exits)


run_training(snakemake, __file__, name, "student", train)
