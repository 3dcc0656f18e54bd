"""The data set file: uint8 images and labels per split, with what is needed to read them."""

import json
import os

import h5py
import numpy as np

from erde_core.images import SPLITS, ImageDataset, Split
from erde_core.store.files import (
    StoreError,
    content_hash,
    get_text,
    new_stamped,
    open_stamped,
    set_text,
    whole_file,
)

KIND = "data set"


def dataset_hash(dataset: ImageDataset) -> str:
    """SHA-256 of the images, labels and groups of all splits."""
    splits = [getattr(dataset, name) for name in SPLITS]
    return content_hash(*(a for s in splits for a in (s.images, s.labels, s.group)))


def write_dataset(path: str | os.PathLike, dataset: ImageDataset) -> None:
    """Write ``dataset`` to ``path``, whole or not at all."""
    with whole_file(path) as temporary, new_stamped(temporary, KIND) as file:
        for name in SPLITS:
            split: Split = getattr(dataset, name)
            group = file.create_group(name)
            group["images"], group["labels"], group["group"] = (
                split.images,
                split.labels,
                split.group,
            )
        set_text(file, "class_names", json.dumps(dataset.class_names, ensure_ascii=False))
        file.attrs["mean"], file.attrs["std"] = dataset.mean, dataset.std
        set_text(file, "source", dataset.source)
        set_text(file, "sha256", dataset_hash(dataset))


def read_dataset(path: str | os.PathLike) -> ImageDataset:
    """Read and verify a data set file.

    Raises:
        StoreError: not such a file, or its content does not match its SHA-256.
    """
    with open_stamped(path, KIND) as file:
        dataset = ImageDataset(
            **{name: _read_split(file[name]) for name in SPLITS},
            class_names=tuple(json.loads(get_text(file, "class_names"))),
            mean=tuple(float(x) for x in file.attrs["mean"]),
            std=tuple(float(x) for x in file.attrs["std"]),
            source=get_text(file, "source"),
        )
        noted, found = get_text(file, "sha256"), dataset_hash(dataset)
    if noted != found:
        raise StoreError(f"{path}: content must have SHA-256 {noted}, got {found}")
    return dataset


def _read_split(group: h5py.Group) -> Split:
    return Split(*(np.asarray(group[name]) for name in ("images", "labels", "group")))
