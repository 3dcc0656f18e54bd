"""Trains a student: ERDE and its relatives, with the teacher from the cache or asked online."""

import dataclasses

import torch
from torch import Tensor, nn

from erde_core.images import ImageDataset
from erde_core.settings import LossSettings
from erde_torch.device import choose_precision, set_threads
from erde_torch.loss import distillation_loss
from erde_torch.networks.weights import NetworkCard
from erde_torch.training.batches import Batch, Rows
from erde_torch.training.data import (
    class_weight,
    network_card,
    training_set,
    validation_set,
    viewed_train_images,
)
from erde_torch.training.host import Host
from erde_torch.training.loop import Run, fit, seed_initialisation
from erde_torch.training.optimisation.step import Objective
from erde_torch.training.settings import AugmentSettings, StudentSettings, TrainSettings, learned
from erde_torch.training.start import starting_network
from erde_torch.training.teacher_answers import OnlineTeacher


def train_student(
    dataset: ImageDataset,
    dataset_hash: str,
    student: StudentSettings,
    augment: AugmentSettings,
    views: int | None,
    loss: LossSettings,
    seed: int,
    host: Host,
    *,
    cached: Rows | None = None,
    online: OnlineTeacher | None = None,
    teacher_hash: str = "",
) -> tuple[nn.Module, NetworkCard, list[dict[str, float]]]:
    """Train one student.

    Args:
        dataset, dataset_hash: what to train on.
        student, augment: settings of the experiment file.
        views: how many views of the orbit are used, None for all; the same for every method.
        loss: weights and masks.
        seed: of initialisation, order, views and dropout.
        host: where it runs.
        cached, online: the teacher, one of the two; neither where ``loss`` needs none.
        teacher_hash: of the teacher that is given: of its cache, or of its file.

    Returns:
        The network, its card and one row per epoch.

    Raises:
        What :func:`erde_torch.training.loop.fit` raises.
    """
    set_threads(student.train.threads_of(host.threads))
    precision = choose_precision(student.train.precision, host.device)
    table = augment.view_table(views)
    images = viewed_train_images(dataset, augment, table, host.device, host.say)
    asked = dataset, images, len(table), student.train.batch_size, host.device
    data = training_set(*asked, rows=cached, processes=host.processes)
    card = network_card(dataset, dataset_hash, student.network, precision)
    identity = host.identity(
        stage="student",
        student=learned(student),
        start=student.network.start_hash(),
        augment=dataclasses.asdict(augment),
        views=views,
        loss=dataclasses.asdict(loss),
        dataset=dataset_hash,
        teacher=teacher_hash,
        online=online is not None and online.precision,
        precision=precision,
        seed=seed,
    )
    seed_initialisation(seed)
    start = starting_network(card, student.network)
    more = online is None or online.capturable, loss.exits_that_learn(start.exit_count)
    run = Run(student.train, seed, precision, identity, host, *more)
    weight = class_weight(dataset, student.train.class_weights, host.device)
    objective = _objective(loss, online, student.train, weight)
    network, history = fit(start, data, validation_set(dataset, host.device), objective, run)
    return network, dataclasses.replace(card, threads=torch.get_num_threads()), history


def _objective(
    loss: LossSettings, online: OnlineTeacher | None, train: TrainSettings, weight: Tensor | None
) -> Objective:
    total = torch.compile(distillation_loss) if train.compile else distillation_loss

    def objective(logits: Tensor, batch: Batch) -> Tensor:
        teacher = batch.teacher if online is None else online(batch.images)
        if not train.kd_warmup:
            return total(logits, teacher, batch.labels, loss, class_weight=weight)
        factor = (batch.epochs_done / train.kd_warmup).clamp(max=1.0).float()
        return total(logits, teacher, batch.labels, loss, class_weight=weight, kd_factor=factor)

    return objective
