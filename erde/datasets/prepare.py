"""From a data set's name in an experiment file to its three splits."""

import os

from erde.datasets.cifar import read_cifar
from erde.datasets.digits import make_digits
from erde.datasets.folder import read_folder
from erde.datasets.images import DatasetError, TrainAndTest, image_dataset, take
from erde.datasets.split import hold_out
from erde.datasets.svhn import read_svhn
from erde_core.images import ImageDataset

NAMES = ("digits", "cifar10", "cifar100", "svhn", "folder")


def prepare(name: str, root: str | os.PathLike, **options: object) -> ImageDataset:
    """Read, download or make a data set, and hold out its validation split.

    Args:
        name: ``digits``, ``cifar10``, ``cifar100``, ``svhn`` or ``folder``.
        root: where downloaded archives lie or are put; digits and folder do not use it.
        options: those of ``make_digits`` for digits; ``validation`` (images to hold out) and
            ``split_seed`` for the others, and ``path`` and ``image_size`` for a folder.

    Returns:
        The checked data set, with mean and standard deviation of its train split.

    Raises:
        DatasetError: one sentence on what is missing, unreadable or out of range.
    """
    if name not in NAMES:
        raise DatasetError(f"the data set must be one of {', '.join(NAMES)}, got {name!r}")
    if name == "digits":
        return make_digits(**options)
    return _published(name, root, **options)


def _published(
    name: str,
    root: str | os.PathLike,
    validation: int,
    split_seed: int = 0,
    **folder: object,
) -> ImageDataset:
    if name == "folder":
        found = read_folder(**folder)
    elif name == "svhn":
        found = read_svhn(root, **folder)
    else:
        found = read_cifar(name, root, **folder)
    return with_validation(found, validation, split_seed)


def with_validation(found: TrainAndTest, count: int, seed: int) -> ImageDataset:
    """Hold ``count`` of the training images out, each class in proportion.

    Raises:
        DatasetError: a rule of ``hold_out`` or ``checked`` is broken.
    """
    train, val = (take(found.train, index) for index in hold_out(found.train.labels, count, seed))
    return image_dataset(train, val, found.test, found.class_names, found.source)
