"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) in their original archives, or as class folders.

Names, addresses and checksums are torchvision's. Nothing is extracted to disk: the batches are
read out of the archive, or from the folder that somebody has extracted, each after its checksum
matched and through an unpickler that runs no code.

Where neither is there, class folders of image files are taken, ``<root>/cifar10/train/<class>/``
and ``test``. Their classes sort as the archives number them. If the numbers in the names of the
files are 0 … 49,999, the images are taken in that order: the archives' order, and so the same
validation split, where whoever wrote the files numbered them so.
"""

import os
import re
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from erde.datasets import restricted_pickle
from erde.datasets.class_folders import PARTS, ClassFolders, list_class_folders
from erde.datasets.download import Published, md5_of, present_or_downloaded
from erde.datasets.folder import read_folder
from erde.datasets.images import DatasetError, TrainAndTest, take, ungrouped
from erde.datasets.source import Facts, published_facts
from erde.datasets.split import with_validation
from erde_core.fields import SEEDS, STRICT_KEYS, check_fields
from erde_core.images import ImageDataset, Split

_LABEL_KEYS = {"cifar10": b"labels", "cifar100": b"fine_labels"}
_CLASSES = {"cifar10": 10, "cifar100": 100}
_TRAIN, _TEST, _SIDE = 50_000, 10_000, 32  # images, images, pixels
# What torchvision looks for under the root: the extracted folder, the archive.
_ARCHIVES = {
    "cifar10": ("cifar-10-batches-py", "cifar-10-python.tar.gz"),
    "cifar100": ("cifar-100-python", "cifar-100-python.tar.gz"),
}


@dataclass(frozen=True, kw_only=True)
class CifarSettings:
    """CIFAR-10 or CIFAR-100 (downloaded and verified, unless they are there).

    Attributes:
        validation: images to hold out of ``train``.
        split_seed: with ``validation``, decides which.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    name: Literal["cifar10", "cifar100"]
    validation: Annotated[int, Ge(1), Lt(_TRAIN)] = 5000
    split_seed: Annotated[int, Ge(0), Lt(SEEDS)] = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def facts(self) -> Facts:
        """As published."""
        return published_facts(_TRAIN, self.validation, _TEST, _SIDE, _CLASSES[self.name])

    def class_folders(self, root: Path) -> Path | None:
        """``root/cifar10`` where the published files, which have checksums, are not there."""
        published = any((root / name).exists() for name in _ARCHIVES[self.name])
        folders = root / self.name
        return folders if not published and (folders / "train").is_dir() else None


def prepare(settings: CifarSettings, root: Path) -> ImageDataset:
    """Read CIFAR from ``root``, or download it there, and hold out the validation split.

    Raises:
        DatasetError: see ``read_cifar``, ``read_class_folders`` and ``with_validation``.
    """
    folders = settings.class_folders(root)
    found = read_cifar(settings.name, root) if folders is None else read_class_folders(folders)
    return with_validation(found, settings.validation, settings.split_seed)


def read_class_folders(path: Path) -> TrainAndTest:
    """Read CIFAR from class folders; the last part of ``path`` is its name.

    Returns:
        As ``read_cifar``; ``source`` says in which order.

    Raises:
        DatasetError: a rule of ``read_folder`` is broken, or it is not the whole of CIFAR.
    """
    listed = list_class_folders(path)
    sizes = (listed.count("train"), listed.count("test"), len(listed.classes))
    wanted = (_TRAIN, _TEST, _CLASSES[path.name])
    if sizes != wanted:
        counts = ["{} train and {} test images of {} classes".format(*s) for s in (wanted, sizes)]
        raise DatasetError(
            f"{path}: must hold {counts[0]} as {path.name} has, got {counts[1]}; other images are "
            f"read by `name: folder, path: {path}`"
        )
    found, orders = read_folder(path, (_SIDE, _SIDE)), [_archive_order(listed, p) for p in PARTS]
    numbered = all(order is not None for order in orders)
    train, test = (
        split if order is None or not numbered else take(split, order)
        for split, order in zip((found.train, found.test), orders, strict=True)
    )
    order = "their numbers" if numbered else "the class folders, as they are not numbered from 0"
    endings = sorted({file.suffix.lower() for p in PARTS for c in listed.files[p] for file in c})
    source = f"{path.name}, class folders of {', '.join(endings)} files, in the order of {order}"
    return TrainAndTest(_regrouped(train), _regrouped(test), found.class_names, source)


def _archive_order(listed: ClassFolders, part: str) -> NDArray[np.int64] | None:
    """Where each image of the archive stands among the files; None if no number says so."""
    files = [file for of_class in listed.files[part] for file in of_class]
    numbers = [re.findall(r"\d+", file.stem) for file in files]
    if any(len(found) != 1 or len(found[0]) > 9 for found in numbers):
        return None
    places = np.array([int(found[0]) for found in numbers])
    order = np.argsort(places, kind="stable")
    return order if np.array_equal(places[order], np.arange(len(places))) else None


def _regrouped(split: Split) -> Split:
    return ungrouped(split.images, split.labels)


def read_cifar(name: str, root: str | os.PathLike[str]) -> TrainAndTest:
    """Read CIFAR from ``root``, or download it there.

    Args:
        name: ``cifar10`` or ``cifar100``.
        root: the folder of the archive, or of the folder extracted from it.

    Returns:
        uint8 images (50,000 and 10,000, 32, 32, 3) and their (fine) labels.

    Raises:
        DatasetError: missing and no network, a wrong checksum, or not the published format.
    """
    from torchvision import datasets

    published = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[name]
    checksums = dict(published.train_list + published.test_list)
    checksums[published.meta["filename"]] = published.meta["md5"]
    contents = _contents(published, Path(root), list(checksums))
    for file, md5 in checksums.items():
        _check_md5(f"{published.base_folder}/{file}", contents[file], md5)
    batches = {file: restricted_pickle.loads(data, file) for file, data in contents.items()}
    train, test = (
        _split([(file, batches[file]) for file, _ in part], _LABEL_KEYS[name])
        for part in (published.train_list, published.test_list)
    )
    names = _class_names(published.meta["filename"], batches, published.meta["key"].encode())
    return TrainAndTest(train, test, names, f"{name}, {published.url}")


def _contents(
    published: Any,  # noqa: ANN401 -- a class of torchvision, which has no types
    root: Path,
    files: list[str],
) -> dict[str, bytes]:
    """The bytes of each file: of the extracted folder if no file is missing, or of the archive."""
    folder = root / published.base_folder
    archive = Published(published.url, published.filename, published.tgz_md5)
    if all((folder / file).is_file() for file in files):
        return {file: (folder / file).read_bytes() for file in files}
    (path,) = present_or_downloaded([archive], root)
    return _members(path, published.base_folder, files)


def _members(path: Path, folder: str, files: list[str]) -> dict[str, bytes]:
    try:
        with tarfile.open(path, "r:gz") as archive:
            return {file: _member(archive, f"{folder}/{file}") for file in files}
    except (tarfile.TarError, OSError, EOFError, zlib.error, KeyError) as error:
        raise DatasetError(
            f"{path}: must be a whole archive with {folder}/{files[0]} and the others, got: {error}"
        ) from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is no file")
    return file.read()


def _check_md5(file: str, data: bytes, md5: str) -> None:
    found = md5_of(data)
    if found != md5:
        raise DatasetError(f"{file}: must have MD5 {md5}, got {found}")


def _split(batches: Iterable[tuple[str, object]], label_key: bytes) -> Split:
    parts = [_batch(file, batch, label_key) for file, batch in batches]
    return ungrouped(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _batch(
    file: str, batch: object, label_key: bytes
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    data = _entry(file, batch, b"data", np.ndarray)
    labels = _entry(file, batch, label_key, list)
    if data.ndim != 2 or data.shape[1] != 3072 or len(labels) != len(data):
        raise DatasetError(
            f"{file}: must hold N rows of 3072 bytes and N labels, "
            f"got {data.shape} and {len(labels)} labels"
        )
    if not all(type(label) is int for label in labels):
        raise DatasetError(f"{file}: labels must be whole numbers")
    # A row is the red, green and blue plane one after the other.
    images = np.asarray(data).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels, np.int64)


def _class_names(file: str, batches: Mapping[str, object], key: bytes) -> tuple[str, ...]:
    return tuple(name.decode("ascii") for name in _entry(file, batches[file], key, list))


_T = TypeVar("_T")


def _entry(file: str, batch: object, key: bytes, kind: type[_T]) -> _T:
    value = batch.get(key) if isinstance(batch, dict) else None
    if not isinstance(value, kind):
        raise DatasetError(
            f"{file}: must be a dict whose {key.decode()!r} is a {kind.__name__}, "
            f"got {type(value).__name__}"
        )
    return value
