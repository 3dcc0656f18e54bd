"""The validation split: a stratified part of the training images, the same for the same seed."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde.datasets.images import DatasetError, TrainAndTest, image_dataset, take
from erde_core.images import ImageDataset

Index = NDArray[np.int64]


def hold_out(labels: ArrayLike, count: int, seed: int) -> tuple[Index, Index]:
    """Take ``count`` images out of the training set, each class in proportion.

    Args:
        labels: integers ≥ 0, one per training image, ``(N,)``.
        count: images to hold out, 1 … N - 1.
        seed: integer ≥ 0; with ``labels`` and ``count`` it alone decides which images.

    Returns:
        ``(train_index, val_index)``: int64, ascending, disjoint, N together. Each class holds
        its exact share of ``count`` rounded down or up.

    Raises:
        DatasetError: ``count`` is out of range, or a class would lose its last training image.
    """
    labels = np.asarray(labels)
    check_count(count, len(labels))
    # Raw words of a bit generator are the same in every NumPy release; its shuffles need not be.
    order = np.argsort(np.random.PCG64(seed).random_raw(len(labels)), kind="stable")
    held = np.zeros(len(labels), bool)
    for label, images in enumerate(quota(np.bincount(labels), count)):
        members = order[labels[order] == label]
        if 0 < members.size == images:
            raise DatasetError(
                f"the validation split must leave a training image of every class, "
                f"got {count} images, which takes all {images} of class {label}"
            )
        held[members[:images]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def with_validation(found: TrainAndTest, count: int, seed: int) -> ImageDataset:
    """Hold ``count`` of the training images out, each class in proportion.

    Raises:
        DatasetError: a rule of ``hold_out`` or ``checked`` is broken.
    """
    train, val = (take(found.train, index) for index in hold_out(found.train.labels, count, seed))
    return image_dataset(train, val, found.test, found.class_names, found.source)


def check_count(count: int, images: int) -> None:
    """Refuse to hold out none of ``images`` training images, or all.

    Raises:
        DatasetError: ``count`` is not in 1 … ``images`` - 1.
    """
    if not 1 <= count <= images - 1:
        raise DatasetError(
            f"the validation split must take 1 … {images - 1} of {images} "
            f"training images, got {count}"
        )


def quota(class_sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Images to take from each class: shares rounded down, the rest to the largest remainders."""
    whole, remainder = np.divmod(class_sizes * count, class_sizes.sum())
    most = np.argsort(-remainder, kind="stable")[: count - whole.sum()]
    whole[most] += 1
    return whole
