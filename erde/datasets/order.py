"""Where the images of ``data.h5`` stand among the rows of a file that was made without it."""

import numpy as np
from numpy.typing import NDArray

from erde.datasets.class_folders import list_class_folders
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.images import DatasetError
from erde.datasets.photographs.listed import list_photographs
from erde.datasets.source import SourceSettings
from erde_core.images import ImageDataset

Index = NDArray[np.int64]


def train_rows(source: SourceSettings, dataset: ImageDataset) -> tuple[Index, Index]:
    """Of each train and each validation image, its place before validation was held out.

    Of class folders that is its place among all files of ``train/`` in sorted order, class by
    class, and then of ``val/`` where there is one; of other data sets train comes first, validation
    after it, as they lie in ``data.h5``.

    Raises:
        DatasetError: the folders are no longer those that the data set was made from.
    """
    train, val = dataset.train.labels, dataset.val.labels
    if not isinstance(source, FolderSettings):
        return np.arange(len(train)), len(train) + np.arange(len(val))
    listed = list_photographs(source).splits
    found = [listed["train"], listed["val"]]
    if not all(
        np.array_equal(one.labels, own) for one, own in zip(found, (train, val), strict=True)
    ):
        total = sum(len(one.files) for one in found)
        raise DatasetError(
            f"{source.path}/train must hold the {len(train) + len(val)} images that data.h5 was "
            f"made from, got {total} in other classes or another order"
        )
    held = list_class_folders(source.path, source.parts).files
    files = [file for part in source.parts[:-1] for of_class in held[part] for file in of_class]
    place = {file: n for n, file in enumerate(files)}
    train_index, val_index = (np.array([place[file] for file in one.files]) for one in found)
    return train_index, val_index
