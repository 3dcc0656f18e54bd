"""Where the images of ``data.h5`` stand among the rows of a file that was made without it."""

import numpy as np
from numpy.typing import NDArray

from erde.datasets.class_folders import list_class_folders
from erde.datasets.folder import FolderSettings
from erde.datasets.images import DatasetError
from erde.datasets.source import SourceSettings
from erde.datasets.split import hold_out
from erde_core.images import ImageDataset

Index = NDArray[np.int64]


def train_rows(source: SourceSettings, dataset: ImageDataset) -> tuple[Index, Index]:
    """Of each train and each validation image, its place before validation was held out.

    Of class folders that is its place among all files of ``train/`` in sorted order, class by
    class; of other data sets train comes first, validation after it, as they lie in ``data.h5``.

    Raises:
        DatasetError: the folders are no longer those that the data set was made from.
    """
    train, val = dataset.train.labels, dataset.val.labels
    if not isinstance(source, FolderSettings):
        return np.arange(len(train)), len(train) + np.arange(len(val))
    counts = [len(files) for files in list_class_folders(source.path).files["train"]]
    labels = np.repeat(np.arange(len(counts)), counts)
    rows = hold_out(labels, source.validation, source.split_seed)
    same = [np.array_equal(labels[row], own) for row, own in zip(rows, (train, val), strict=True)]
    if not all(same):
        raise DatasetError(
            f"{source.path}/train must hold the {len(train) + len(val)} images that data.h5 was "
            f"made from, got {len(labels)} in other classes or another order"
        )
    return rows
