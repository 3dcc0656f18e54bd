"""A labelled image data set in memory: what every data source gives and the store keeps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """One part of a data set.

    Attributes:
        images: uint8 ``(N, H, W, 3)`` or ``(N, H, W, 1)``.
        labels: int64 ``(N,)``.
        group: int64 ``(N,)``; images made from one source share a number. Statistics resample
            groups, not images. Numbers of two splits need not be of each other.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    group: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ImageDataset:
    """Three splits of images.

    Attributes:
        train, val, test: the splits; thresholds are chosen on ``val``, reported on ``test``. Images
            of ``val`` and ``test`` have one size; those of ``train`` may be larger, to be cut.
        class_names: one per class, in label order.
        mean, std: per channel, for pixel values in 0 … 1, over the train split.
        source: where the images came from, one line.
    """

    train: Split
    val: Split
    test: Split
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of what a network sees."""
        height, width, channels = self.val.images.shape[1:]
        return channels, height, width


def check_dataset(dataset: ImageDataset) -> None:
    """Hold ``dataset`` to what everybody who reads one relies on.

    Raises:
        ValueError: a wrong dtype or shape, an empty split, splits of different image shapes, a
            label that is no class, a class without train image, fewer than two classes, class
            names that repeat, or a channel that is constant over the train split.
    """
    _check_class_names(dataset.class_names)
    for name in SPLITS:
        split = getattr(dataset, name)
        check_images(name, split.images)
        _check_labels(name, split, dataset.class_names)
    _check_shapes(dataset)
    _check_every_class_is_trained(dataset)
    _check_statistics(dataset)


def _check_shapes(dataset: ImageDataset) -> None:
    train, val, test = (getattr(dataset, name).images.shape[1:] for name in SPLITS)
    if test != val or train[2] != val[2]:
        name, found, wanted = ("test", test, val) if test != val else ("val", val, train)
        raise ErdeError(
            f"{name} images must have the shape of the {'val' if test != val else 'train'} images "
            f"{wanted}, got {found}"
        )
    if train[0] < val[0] or train[1] < val[1]:
        raise ErdeError(
            f"train images must be at least as large as the val images {val}, got {train}"
        )


def check_images(name: str, images: NDArray[np.uint8]) -> None:
    """Hold the images of the split ``name`` to dtype and shape.

    Raises:
        ValueError: not uint8, not ``(N, H, W, 3 or 1)``, or none at all.
    """
    if images.dtype != np.uint8:
        raise ErdeError(f"{name} images must be uint8, got dtype {images.dtype}")
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape[1:]:
        raise ErdeError(f"{name} images must have shape (N, H, W, 3 or 1), got {images.shape}")
    if len(images) == 0:
        raise ErdeError(f"{name} must hold at least 1 image, got 0")


def _check_class_names(names: tuple[str, ...]) -> None:
    if len(names) < 2:
        raise ErdeError(f"class_names must have at least 2 names, got {list(names)}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ErdeError(f"class_names must differ from each other, got {repeated[0]!r} twice")


def _check_labels(name: str, split: Split, class_names: tuple[str, ...]) -> None:
    images = len(split.images)
    for column, values in (("labels", split.labels), ("group", split.group)):
        if values.dtype != np.int64:
            raise ErdeError(f"{name} {column} must be int64, got dtype {values.dtype}")
        if values.shape != (images,):
            raise ErdeError(f"{name} {column} must have shape ({images},), got {values.shape}")
    outside = np.flatnonzero((split.labels < 0) | (split.labels >= len(class_names)))
    if outside.size:
        raise ErdeError(
            f"{name} labels must lie in 0 … {len(class_names) - 1}, "
            f"got {split.labels[outside[0]]} at image {outside[0]}"
        )


def _check_every_class_is_trained(dataset: ImageDataset) -> None:
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.class_names))
    for label in np.flatnonzero(counts == 0)[:1]:
        raise ErdeError(
            f"train must hold every class, got no image of class {dataset.class_names[label]!r}"
        )


def _check_statistics(dataset: ImageDataset) -> None:
    channels = dataset.train.images.shape[-1]
    for name, values in (("mean", dataset.mean), ("std", dataset.std)):
        if len(values) != channels or not np.isfinite(values).all():
            raise ErdeError(f"{name} must be {channels} finite numbers, got {list(values)}")
    if min(dataset.std) <= 0:
        raise ErdeError(
            f"the train images must vary in every channel, got standard deviations "
            f"{list(dataset.std)}"
        )
