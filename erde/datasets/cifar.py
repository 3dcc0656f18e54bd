"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) in their original archives.

Names, addresses and checksums are torchvision's. Nothing is extracted to disk: the batches are
read out of the archive, or from the folder that somebody has extracted, each after its checksum
matched and through an unpickler that runs no code.
"""

import os
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from erde.datasets import restricted_pickle
from erde.datasets.download import Published, md5_of, present_or_downloaded
from erde.datasets.images import DatasetError, TrainAndTest, ungrouped
from erde_core.images import Split

_LABEL_KEYS = {"cifar10": b"labels", "cifar100": b"fine_labels"}


def read_cifar(name: str, root: str | os.PathLike) -> TrainAndTest:
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


def _contents(published: type, root: Path, files: list[str]) -> dict[str, bytes]:
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
            return {file: archive.extractfile(f"{folder}/{file}").read() for file in files}
    # A member that is no file makes extractfile return None.
    except (tarfile.TarError, OSError, EOFError, zlib.error, KeyError, AttributeError) as error:
        raise DatasetError(
            f"{path}: must be a whole archive with {folder}/{files[0]} and the others, got: {error}"
        ) from error


def _check_md5(file: str, data: bytes, md5: str) -> None:
    found = md5_of(data)
    if found != md5:
        raise DatasetError(f"{file}: must have MD5 {md5}, got {found}")


def _split(batches: Iterable[tuple[str, dict]], label_key: bytes) -> Split:
    parts = [_batch(file, batch, label_key) for file, batch in batches]
    return ungrouped(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _batch(file: str, batch: object, label_key: bytes) -> tuple[np.ndarray, np.ndarray]:
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


def _class_names(file: str, batches: dict[str, object], key: bytes) -> tuple[str, ...]:
    return tuple(name.decode("ascii") for name in _entry(file, batches[file], key, list))


def _entry(file: str, batch: object, key: bytes, kind: type) -> np.ndarray | list:
    value = batch.get(key) if isinstance(batch, dict) else None
    if not isinstance(value, kind):
        raise DatasetError(
            f"{file}: must be a dict whose {key.decode()!r} is a {kind.__name__}, "
            f"got {type(value).__name__}"
        )
    return value
