"""From a data set and an experiment's settings to what ``fit`` takes."""

import numpy as np
import torch
from numpy.typing import NDArray

from erde_core.errors import ErdeError
from erde_core.images import ImageDataset
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.viewed_images import ViewedImages, plain_images
from erde_torch.networks.weights import NetworkCard
from erde_torch.training.batches import Rows, TrainingSet, Validation
from erde_torch.training.processes import ALONE, Processes
from erde_torch.training.settings import AugmentSettings


def viewed_train_images(
    dataset: ImageDataset, augment: AugmentSettings, views: NDArray[np.int64], device: torch.device
) -> ViewedImages:
    """The train split on the device, ready to be gathered in any of ``views``."""
    images = dataset.train.images
    return ViewedImages(images, views, dataset.mean, dataset.std, augment.pad_mode, device)


def training_set(
    dataset: ImageDataset,
    images: ViewedImages,
    views: int,
    batch_size: int,
    device: torch.device,
    *,
    samples: NDArray[np.int64] | None = None,
    rows: Rows | None = None,
    processes: Processes = ALONE,
) -> TrainingSet:
    """The train split (or ``samples`` of it) with its labels, and the cached teacher if given.

    Raises:
        ValueError: ``batch_size`` is larger than the number of samples.
    """
    samples = np.arange(len(dataset.train)) if samples is None else samples
    if batch_size > len(samples):
        raise ErdeError(
            f"train.batch_size must be at most the {len(samples)} training images, got {batch_size}"
        )
    labels = torch.from_numpy(dataset.train.labels).to(device)
    return TrainingSet(images, labels, samples, views, batch_size, rows, processes)


def validation_set(dataset: ImageDataset, device: torch.device) -> Validation:
    """The validation split without augmentation."""
    images = plain_images(dataset.val.images, dataset.mean, dataset.std, device)
    return Validation(images, torch.from_numpy(dataset.val.labels).to(device))


def network_card(
    dataset: ImageDataset, dataset_hash: str, network: NetworkSettings, precision: str
) -> NetworkCard:
    """The card of a network that is about to be trained on ``dataset``."""
    height, width, channels = dataset.train.images.shape[1:]
    shape = (channels, height, width)
    return NetworkCard(
        network=network.resolved(shape).described(),
        image_shape=shape,
        class_names=dataset.class_names,
        mean=dataset.mean,
        std=dataset.std,
        dataset=dataset_hash,
        precision=precision,
    )
