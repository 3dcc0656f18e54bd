"""Trains a teacher: cross-entropy at every exit, all exits equal."""

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from erde_core.folds import fold_of_samples
from erde_core.images import ImageDataset
from erde_torch.device import choose_precision, set_threads
from erde_torch.networks.weights import NetworkCard
from erde_torch.training.batches import Batch
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
from erde_torch.training.settings import AugmentSettings, TeacherSettings, learned
from erde_torch.training.start import starting_network


def train_teacher(
    dataset: ImageDataset,
    dataset_hash: str,
    teacher: TeacherSettings,
    augment: AugmentSettings,
    host: Host,
    fold: int | None = None,
) -> tuple[nn.Module, NetworkCard, list[dict[str, float]]]:
    """Train the teacher, or with ``fold`` one that never sees the images of that fold.

    Returns:
        The network, its card and one row per epoch.

    Raises:
        What :func:`erde_torch.training.loop.fit` raises.
    """
    set_threads(teacher.train.threads_of(host.threads))
    precision = choose_precision(teacher.train.precision, host.device)
    seed = teacher.seed if fold is None else teacher.seed + 1 + fold
    views = augment.orbit
    table = augment.view_table(1 if augment.crops else None)
    images = viewed_train_images(dataset, augment, table, host.device, host.say)
    samples = None if fold is None else _seen(dataset, teacher.folds, fold)
    data = training_set(
        dataset,
        images,
        views,
        teacher.train.batch_size,
        host.device,
        samples=samples,
        processes=host.processes,
    )
    card = network_card(dataset, dataset_hash, teacher.network, precision)
    identity = host.identity(
        stage="teacher",
        teacher=learned(teacher),
        start=teacher.network.start_hash(),
        augment=dataclasses.asdict(augment),
        dataset=dataset_hash,
        precision=precision,
        fold=fold,
    )
    run = Run(teacher.train, seed, precision, identity, host)
    seed_initialisation(seed)
    weight = class_weight(dataset, teacher.train.class_weights, host.device)
    objective = _cross_entropy_at_every_exit(teacher.train.label_smoothing, weight)
    validation = validation_set(dataset, host.device)
    start = starting_network(card, teacher.network)
    network, history = fit(start, data, validation, objective, run)
    return network, dataclasses.replace(card, threads=torch.get_num_threads()), history


def _seen(dataset: ImageDataset, folds: int, fold: int) -> NDArray[np.int64]:
    folds_N = fold_of_samples(dataset.train.labels, dataset.train.group, folds)
    return np.flatnonzero(folds_N != fold)


def _cross_entropy_at_every_exit(smoothing: float, weight: Tensor | None) -> Objective:
    def objective(logits: Tensor, batch: Batch) -> Tensor:
        """mean over samples, sum over exits."""
        labels = batch.labels[:, None].expand(logits.shape[:2])
        flat, targets = logits.flatten(0, 1), labels.flatten()
        if weight is None:
            return logits.shape[1] * F.cross_entropy(flat, targets, label_smoothing=smoothing)
        each = F.cross_entropy(flat, targets, label_smoothing=smoothing, reduction="none")
        return logits.shape[1] * (each * weight[targets]).mean()

    return objective
