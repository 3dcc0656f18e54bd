"""What every source of images ends in: a checked ``ImageDataset`` with its channel statistics.

Letters in the shapes: N images, H rows, W columns, K channels (3 RGB, 1 grey).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde_core.images import SPLITS, ImageDataset, Split

_CHUNK = 1024
_NAMED = 20


class DatasetError(ValueError):
    """The images or their files break a rule; the message is one sentence."""


def offenders(kind: str, sentences: Sequence[str]) -> DatasetError:
    """The error that names all offenders: the first 20, and how many there are.

    Args:
        kind: what they are, ``images``.
        sentences: one for each. A file's name may hold bytes that are no text; they are shown as
            ``\\xff``.
    """
    shown = [
        s.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for s in sentences
    ]
    if len(shown) == 1:
        return DatasetError(shown[0])
    rest = len(shown) - _NAMED
    more = f"; and {rest} more" if rest > 0 else ""
    return DatasetError(f"{len(shown)} {kind} cannot be used: {'; '.join(shown[:_NAMED])}{more}")


@dataclass(frozen=True)
class TrainAndTest:
    """A data set as it is published: no validation split yet; ``source`` is one line."""

    train: Split
    test: Split
    class_names: tuple[str, ...]
    source: str


def ungrouped(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Split:
    """A split in which every image is its own group."""
    return Split(images, np.asarray(labels, np.int64), np.arange(len(images)))


def take(split: Split, index: NDArray[np.integer]) -> Split:
    """The images at ``index``, in that order, with their labels and groups."""
    return Split(split.images[index], split.labels[index], split.group[index])


def image_dataset(
    train: Split, val: Split, test: Split, class_names: Sequence[str], source: str
) -> ImageDataset:
    """The checked data set of three splits, with the channel statistics of ``train``.

    Raises:
        DatasetError: one of the rules of ``checked`` is broken.
    """
    _check_images("train", train)
    mean, std = channel_statistics(train.images)
    return checked(ImageDataset(train, val, test, tuple(class_names), mean, std, source))


def channel_statistics(
    images: NDArray[np.uint8],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels, in units of 0 … 1.

    Args:
        images: uint8 ``(N, H, W, K)``.

    Returns:
        Two tuples of K numbers; the deviation is that of the population (divided by the count).
    """
    # Counting the 256 values is exact, and needs memory for a chunk of images at a time only.
    counts = np.zeros((images.shape[-1], 256), np.int64)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        for channel in range(images.shape[-1]):
            counts[channel] += np.bincount(chunk[..., channel].ravel(), minlength=256)
    share = counts / counts.sum(axis=1, keepdims=True)
    values = np.arange(256) / 255
    mean = share @ values
    variance = (share * (values - mean[:, None]) ** 2).sum(axis=1)
    return tuple(mean.tolist()), tuple(np.sqrt(variance).tolist())


def checked(dataset: ImageDataset) -> ImageDataset:
    """``dataset`` itself, once it keeps every rule.

    Raises:
        DatasetError: a wrong dtype or shape, an empty split, splits of different image shapes, a
            label that is no class, a class without train image, fewer than two classes, class
            names that repeat, or a channel that is constant over the train split.
    """
    _check_class_names(dataset.class_names)
    for name in SPLITS:
        split = getattr(dataset, name)
        _check_images(name, split)
        _check_labels(name, split, dataset.class_names)
        if split.images.shape[1:] != dataset.train.images.shape[1:]:
            raise DatasetError(
                f"{name} images must have the shape of the train images "
                f"{dataset.train.images.shape[1:]}, got {split.images.shape[1:]}"
            )
    _check_every_class_is_trained(dataset)
    _check_statistics(dataset)
    return dataset


def _check_class_names(names: tuple[str, ...]) -> None:
    if len(names) < 2:
        raise DatasetError(f"class_names must have at least 2 names, got {list(names)}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DatasetError(f"class_names must differ from each other, got {repeated[0]!r} twice")


def _check_images(name: str, split: Split) -> None:
    images = split.images
    if images.dtype != np.uint8:
        raise DatasetError(f"{name} images must be uint8, got dtype {images.dtype}")
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape[1:]:
        raise DatasetError(f"{name} images must have shape (N, H, W, 3 or 1), got {images.shape}")
    if len(images) == 0:
        raise DatasetError(f"{name} must hold at least 1 image, got 0")


def _check_labels(name: str, split: Split, class_names: tuple[str, ...]) -> None:
    images = len(split.images)
    for column, values in (("labels", split.labels), ("group", split.group)):
        if values.dtype != np.int64:
            raise DatasetError(f"{name} {column} must be int64, got dtype {values.dtype}")
        if values.shape != (images,):
            raise DatasetError(f"{name} {column} must have shape ({images},), got {values.shape}")
    outside = np.flatnonzero((split.labels < 0) | (split.labels >= len(class_names)))
    if outside.size:
        raise DatasetError(
            f"{name} labels must lie in 0 … {len(class_names) - 1}, "
            f"got {split.labels[outside[0]]} at image {outside[0]}"
        )


def _check_every_class_is_trained(dataset: ImageDataset) -> None:
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.class_names))
    for label in np.flatnonzero(counts == 0)[:1]:
        raise DatasetError(
            f"train must hold every class, got no image of class {dataset.class_names[label]!r}"
        )


def _check_statistics(dataset: ImageDataset) -> None:
    channels = dataset.train.images.shape[-1]
    for name, values in (("mean", dataset.mean), ("std", dataset.std)):
        if len(values) != channels or not np.isfinite(values).all():
            raise DatasetError(f"{name} must be {channels} finite numbers, got {list(values)}")
    if min(dataset.std) <= 0:
        raise DatasetError(
            f"the train images must vary in every channel, got standard deviations "
            f"{list(dataset.std)}"
        )
