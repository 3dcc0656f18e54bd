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
    if not 1 <= count <= len(labels) - 1:
        raise DatasetError(
            f"the validation split must take 1 … {len(labels) - 1} of {len(labels)} "
            f"training images, got {count}"
        )
    quota = _quota(np.bincount(labels), count)
    # Raw words of a bit generator are the same in every NumPy release; its shuffles need not be.
    order = np.argsort(np.random.PCG64(seed).random_raw(len(labels)), kind="stable")
    held = np.zeros(len(labels), bool)
    for label, images in enumerate(quota):
        members = order[labels[order] == label]
        if 0 < members.size == images:
            raise DatasetError(
                f"the validation split must leave a training image of every class, "
                f"got {count} images, which takes all {images} of class {label}"
            )
        held[members[:images]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def hold_out_groups(
    labels: NDArray[np.int64], group: NDArray[np.int64], count: int, seed: int
) -> tuple[Index, Index]:
    """As :func:`hold_out`, and no group is torn apart.

    Groups are taken in a pseudo-random order as long as they fit into the share of every class, so
    that at most ``count`` images are held out.

    Raises:
        DatasetError: as :func:`hold_out`, or no group fits.
    """
    if not 1 <= count <= len(labels) - 1:
        raise DatasetError(
            f"the validation split must take 1 … {len(labels) - 1} of {len(labels)} "
            f"training images, got {count}"
        )
    sizes = np.bincount(labels)
    room = np.minimum(_quota(sizes, count), sizes - 1)
    names, of_image = np.unique(group, return_inverse=True)
    members = np.zeros((len(names), len(sizes)), np.int64)
    np.add.at(members, (of_image, labels), 1)
    taken = np.zeros(len(names), bool)
    for g in np.argsort(np.random.PCG64(seed).random_raw(len(names)), kind="stable"):
        if (members[g] <= room).all():
            taken[g], room = True, room - members[g]
    held = taken[of_image]
    if not held.any():
        raise DatasetError(
            f"the validation split must take {count} images in whole groups, got none that fits"
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def with_validation(found: TrainAndTest, count: int, seed: int) -> ImageDataset:
    """Hold ``count`` of the training images out, each class in proportion.

    Raises:
        DatasetError: a rule of ``hold_out`` or ``checked`` is broken.
    """
    train, val = (take(found.train, index) for index in hold_out(found.train.labels, count, seed))
    return image_dataset(train, val, found.test, found.class_names, found.source)


def _quota(class_sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Images to take from each class: shares rounded down, the rest to the largest remainders."""
    whole, remainder = np.divmod(class_sizes * count, class_sizes.sum())
    most = np.argsort(-remainder, kind="stable")[: count - whole.sum()]
    whole[most] += 1
    return whole
