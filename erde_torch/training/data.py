"""From a data set and an experiment's settings to what ``fit`` takes."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from erde_core.errors import ErdeError
from erde_core.images import ImageDataset
from erde_torch.images.cropped import CroppedImages
from erde_torch.images.streamed import StreamedImages
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.viewed_images import Images, ViewedImages, plain_images
from erde_torch.networks.weights import NetworkCard
from erde_torch.room import room_for_data
from erde_torch.training.batches import Rows, TrainingSet, Validation
from erde_torch.training.processes import ALONE, Processes
from erde_torch.training.settings import AugmentSettings


def viewed_train_images(
    dataset: ImageDataset,
    augment: AugmentSettings,
    views: NDArray[np.int64],
    device: torch.device,
    say: Callable[[str], None] = lambda text: None,
) -> Images:
    """The train split, ready to be gathered in any of ``views``.

    Padded images live on the device where they fit, else they are read as they come; crops are cut
    on the CPU.

    Args:
        views: a view table of ``augment``.
        say: told where the images live, if that is not the device.
    """
    images, statistics = dataset.train.images, (dataset.mean, dataset.std)
    if augment.crops is not None:
        say(f"training images ({images.nbytes / 1e9:.2f} GB) are read and cropped as they come")
        look = augment.crops, augment.flip, augment.colour
        size = dataset.val.images.shape[1], dataset.val.images.shape[2]
        return CroppedImages(images, size, *look, *statistics, device)
    needed, room = padded_bytes(images, augment.pad), room_for_data(device)
    if needed <= room:
        return ViewedImages(images, views, *statistics, augment.pad_mode, device)
    say(
        f"training images need {needed / 1e9:.2f} GB on the device, which has room for "
        f"{room / 1e9:.2f}: they are read as they come"
    )
    return StreamedImages(images, views, *statistics, augment.pad_mode, device)


def padded_bytes(images: NDArray[np.uint8], pad: int) -> int:
    """Of ``images``, uint8 ``(N, H, W, channels)``, padded on every side."""
    count, height, width, channels = images.shape
    return int(count * (height + 2 * pad) * (width + 2 * pad) * channels)


def class_weight(dataset: ImageDataset, weights: str, device: torch.device) -> torch.Tensor | None:
    """The factor of each class in the cross-entropy, float32 ``(C,)``; None where all are 1."""
    if weights == "none":
        return None
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.class_names))
    factors = len(dataset.train) / (len(counts) * counts)
    return torch.from_numpy(factors.astype(np.float32)).to(device)


def training_set(
    dataset: ImageDataset,
    images: Images,
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
    shape = dataset.image_shape
    return NetworkCard(
        network=network.resolved(shape).described(),
        image_shape=shape,
        class_names=dataset.class_names,
        mean=dataset.mean,
        std=dataset.std,
        dataset=dataset_hash,
        precision=precision,
    )
