"""Files that are whole or not there, and HDF5 files that say what they are."""

import contextlib
import glob
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

FORMAT_VERSION = 1


class StoreError(ValueError):
    """A file is missing, corrupt, foreign, or not the one that was asked for."""


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Write to a temporary name; on success fsync and rename to ``path``, on failure remove it.

    The temporary file lies beside ``path``, so that the rename is atomic. One that a killed process
    left there is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def publish(temporary: Path, path: Path) -> None:
    """Make ``temporary`` durable and give it its final name, in one step for any reader."""
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove_leftovers(path: Path) -> None:
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        process = leftover.suffixes[-2].removeprefix(".")
        if process.isdecimal() and not is_running(int(process)):
            leftover.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Whether a process of this machine has that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def write_text(path: str | os.PathLike, text: str) -> None:
    """``text`` as UTF-8, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def new_stamped(path: str | os.PathLike, kind: str) -> Iterator[h5py.File]:
    """A new HDF5 file of ours, open for writing."""
    # From HDF5 1.10's format on, all that describes the data has checksums: damage there is then an
    # error to report, where the older formats let it crash or hang the library.
    with h5py.File(path, "w", libver=("v110", "latest")) as file:
        set_text(file, "format", f"erde {kind}")
        file.attrs["format_version"] = FORMAT_VERSION
        yield file


def set_text(file: h5py.File, name: str, text: str) -> None:
    """Add an attribute of fixed length: the heap of variable ones has no checksum."""
    data = text.encode() or b"\0"
    file.attrs.create(name, data, dtype=h5py.string_dtype("utf-8", len(data)))


def get_text(file: h5py.File, name: str) -> str:
    """What :func:`set_text` noted."""
    return bytes(file.attrs[name]).decode()


@contextlib.contextmanager
def open_stamped(path: str | os.PathLike, kind: str) -> Iterator[h5py.File]:
    """Open an HDF5 file of ours for reading.

    Raises:
        StoreError: not there, not HDF5, another kind, or of a newer format version; also when
            reading a part of it fails inside the ``with`` block.
    """
    if not os.path.exists(path):
        raise StoreError(f"{path}: no such file (expected an erde {kind} file)")
    try:
        with h5py.File(path, "r") as file:
            found = get_text(file, "format") if "format" in file.attrs else None
            if found != f"erde {kind}":
                raise StoreError(f"{path}: must be an erde {kind} file, got format {found!r}")
            version = int(file.attrs["format_version"])
            if version > FORMAT_VERSION:
                raise StoreError(
                    f"{path}: format version must be at most {FORMAT_VERSION}, got {version}"
                )
            yield file
    except StoreError:
        raise
    except Exception as error:  # h5py has an error of almost every type for a damaged file
        reason = " ".join(str(error).split())  # HDF5 puts the time into it, line break and all
        raise StoreError(f"{path}: not a readable erde {kind} file ({reason})") from error


def content_hash(*arrays: NDArray) -> str:
    """SHA-256 over dtype, shape and values of ``arrays``, as hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
