"""What every source of images ends in: a checked ``ImageDataset`` with its channel statistics.

Letters in the shapes: N images, H rows, W columns, K channels (3 RGB, 1 grey).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError
from erde_core.images import ImageDataset, Split, check_dataset, check_images

_CHUNK = 4 * 2**20  # values: counting makes them eight times as wide
_NAMED = 20


class DatasetError(ErdeError):
    """The images or their files break a rule; the message is one sentence."""


def readable(text: object) -> str:
    """A file's name, or a sentence with one, that any log can hold: bytes that are no text are
    shown as ``\\xff``."""
    return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def offenders(kind: str, sentences: Sequence[str]) -> DatasetError:
    """The error that names all offenders: the first 20, and how many there are.

    Args:
        kind: what they are, ``images``.
        sentences: one for each. A file's name may hold bytes that are no text; they are shown as
            ``\\xff``.
    """
    shown = [readable(sentence) for sentence in sentences]
    if len(shown) == 1:
        return DatasetError(shown[0])
    rest = len(shown) - _NAMED
    more = f"; and {rest} more" if rest > 0 else ""
    return DatasetError(f"{len(shown)} {kind} cannot be used: {'; '.join(shown[:_NAMED])}{more}")


def usual_channels(channels: NDArray[np.int64]) -> int:
    """3 or 1, as most images have; 3 where there are as many of both, in whatever order they come.

    Args:
        channels: of each image, ``(N,)``; 0 for one that cannot be read.
    """
    grey, colour = (int((channels == number).sum()) for number in (1, 3))
    return 1 if grey > colour else 3


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
    try:
        check_images("train", train.images)
    except ErdeError as error:
        raise DatasetError(str(error)) from None
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
    step = max(1, _CHUNK // int(np.prod(images.shape[1:])))
    for start in range(0, len(images), step):
        chunk = images[start : start + step]
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
        DatasetError: one of the rules of ``check_dataset`` is broken.
    """
    try:
        check_dataset(dataset)
    except ErdeError as error:
        raise DatasetError(str(error)) from None
    return dataset
