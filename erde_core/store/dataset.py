"""The data set file: uint8 images and labels per split, with what is needed to read them."""

import json
import os

import h5py
import numpy as np

from erde_core.errors import ErdeError
from erde_core.images import SPLITS, ImageDataset, Split, check_dataset
from erde_core.store.files import StoreError, whole_file
from erde_core.store.seal import check_seal, sealed
from erde_core.store.stamped import (
    get_numbers,
    get_text,
    mapped_array,
    new_stamped,
    open_stamped,
    read_array,
    set_text,
)

KIND = "data set"
COLUMNS = {"images": ("|u1", 4), "labels": ("<i8", 1), "group": ("<i8", 1)}


def dataset_hash(dataset: ImageDataset) -> str:
    """SHA-256 of all that a network learns from: every field but ``source``."""
    arrays = {
        f"{name}/{column}": getattr(getattr(dataset, name), column)
        for name in SPLITS
        for column in COLUMNS
    }
    statistics = {name: np.array(getattr(dataset, name), "<f8") for name in ("mean", "std")}
    return sealed(**arrays, **statistics, class_names=_names_text(dataset))


def write_dataset(path: str | os.PathLike[str], dataset: ImageDataset) -> None:
    """Write ``dataset`` to ``path``, whole or not at all.

    Raises:
        ValueError: a rule of ``check_dataset`` is broken.
    """
    check_dataset(dataset)
    with whole_file(path) as temporary, new_stamped(temporary, KIND) as file:
        for name in SPLITS:
            split, group = getattr(dataset, name), file.create_group(name)
            for column in COLUMNS:
                group[column] = getattr(split, column)
        describe(file, dataset)


def describe(file: h5py.File, dataset: ImageDataset) -> None:
    """Add to an open data set file all that is no array: names, statistics, source and hashes."""
    sha256 = dataset_hash(dataset)
    set_text(file, "class_names", _names_text(dataset))
    file.attrs["mean"], file.attrs["std"] = dataset.mean, dataset.std
    set_text(file, "source", dataset.source)
    set_text(file, "sha256", sha256)
    set_text(file, "seal", _seal(sha256, dataset.source))


def read_dataset(path: str | os.PathLike[str]) -> ImageDataset:
    """Read and verify a data set file; its images are a memory map (written to, it is a copy).

    Raises:
        StoreError: not such a file, its content does not match its SHA-256, or it breaks a rule of
            ``check_dataset``.
    """
    with open_stamped(path, KIND) as file:
        dataset = ImageDataset(
            **{name: _read_split(file, name) for name in SPLITS},
            class_names=_class_names(file),
            mean=get_numbers(file, "mean"),
            std=get_numbers(file, "std"),
            source=get_text(file, "source"),
        )
        found = dataset_hash(dataset)
        check_seal(path, get_text(file, "sha256"), found)
        check_seal(path, get_text(file, "seal"), _seal(found, dataset.source))
    try:
        check_dataset(dataset)
    except ErdeError as error:
        raise StoreError(f"{path}: {error}") from error
    return dataset


def _seal(sha256: str, source: str) -> str:
    # The source of the images is only shown. It may change, and nothing has to be trained again.
    return sealed(sha256=sha256, source=source)


def _names_text(dataset: ImageDataset) -> str:
    return json.dumps(dataset.class_names, ensure_ascii=False)


def _class_names(file: h5py.File) -> tuple[str, ...]:
    names = json.loads(get_text(file, "class_names"))
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise StoreError(f"{file.filename}: class_names must be a list of texts, got {names!r}")
    return tuple(names)


def _read_split(file: h5py.File, name: str) -> Split:
    images = mapped_array(file, f"{name}/images", *COLUMNS["images"])
    labels, group = (read_array(file, f"{name}/{c}", *COLUMNS[c]) for c in ("labels", "group"))
    return Split(images, labels, group)
