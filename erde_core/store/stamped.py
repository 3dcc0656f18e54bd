"""HDF5 files that say what they are, and whose parts are where and what they claim to be."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from erde_core.store.files import StoreError

# Format 1 left fields that readers use outside of its hashes (mean, std and class names of a data
# set; of a cache what it was made from; of exit logits the names of network and data set). Nothing
# in such a file tells whether they are whole, so it is not read. A run makes it anew.
FORMAT_VERSION = 2


@contextlib.contextmanager
def new_stamped(path: str | os.PathLike[str], kind: str) -> Iterator[h5py.File]:
    """A new HDF5 file of ours, open for writing."""
    # From HDF5 1.10's format on, all that describes the data has checksums: damage there is then an
    # error to report, where the older formats let it crash or hang the library.
    with h5py.File(path, "w", libver=("v110", "latest"), locking=False) as file:
        set_text(file, "format", f"erde {kind}")
        file.attrs["format_version"] = FORMAT_VERSION
        yield file


def set_text(file: h5py.File, name: str, text: str) -> None:
    """Add an attribute of fixed length: the heap of variable ones has no checksum."""
    data = text.encode() or b"\0"
    file.attrs.create(name, data, dtype=h5py.string_dtype("utf-8", len(data)))


def get_text(file: h5py.File, name: str) -> str:
    """What :func:`set_text` noted.

    Raises:
        StoreError: the attribute is missing, or something else than such a text.
    """
    value = file.attrs.get(name)
    if not isinstance(value, bytes):
        found = "none" if value is None else f"a {type(value).__name__}"
        raise StoreError(f"{file.filename}: attribute {name} must be a text, got {found}")
    return bytes(value).decode()


def get_numbers(file: h5py.File, name: str) -> tuple[float, ...]:
    """The attribute ``name`` of a file, float64 ``(n,)``.

    Raises:
        StoreError: the attribute is missing, or something else.
    """
    value = np.asarray(file.attrs.get(name))
    if value.dtype != np.float64 or value.ndim != 1:
        raise StoreError(
            f"{file.filename}: attribute {name} must be float64 with 1 axis, "
            f"got {value.dtype} of shape {value.shape}"
        )
    return tuple(value.tolist())


@contextlib.contextmanager
def open_stamped(path: str | os.PathLike[str], kind: str) -> Iterator[h5py.File]:
    """Open an HDF5 file of ours for reading.

    Raises:
        StoreError: not there, not HDF5, another kind, or of another format version; also when
            reading a part of it fails inside the ``with`` block.
    """
    if not os.path.exists(path):
        raise StoreError(f"{path}: no such file (expected an erde {kind} file)")
    if not os.path.isfile(path):  # HDF5 would wait for ever for the other end of a pipe
        raise StoreError(f"{path}: not a readable erde {kind} file (it is no regular file)")
    try:
        with h5py.File(path, "r", locking=False) as file:
            found = file.attrs.get("format")
            found = found.decode() if isinstance(found, bytes) else found
            if found != f"erde {kind}":
                raise StoreError(f"{path}: must be an erde {kind} file, got format {found!r}")
            _check_version(path, kind, int(file.attrs["format_version"]))
            yield file
    except StoreError:
        raise
    except Exception as error:  # h5py has an error of almost every type for a damaged file
        reason = " ".join(str(error).split())  # HDF5 puts the time into it, line break and all
        raise StoreError(f"{path}: not a readable erde {kind} file ({reason})") from error


@dataclass(frozen=True)
class Place:
    """Where an array lies in its file: ``offset`` in bytes, and its shape."""

    offset: int
    shape: tuple[int, ...]


def place(file: h5py.File, name: str, dtype: str, axes: int) -> Place:
    """Where the dataset ``name`` lies, once it is what our writers make.

    Args:
        dtype: as NumPy spells it with its byte order, for example ``"<f4"``.
        axes: how many.

    Raises:
        StoreError: it is missing, of another type, compressed, virtual, kept in another file, or
            claims more bytes than this file has.
    """
    found = file[name] if _lies_here(file, name) else None
    if not isinstance(found, h5py.Dataset):
        raise StoreError(f"{file.filename}: {name} must be an array in this file, got none")
    if found.dtype.str != dtype or found.ndim != axes:
        raise StoreError(
            f"{file.filename}: {name} must be {np.dtype(dtype).name} with {axes} axes, "
            f"got {found.dtype} of shape {found.shape}"
        )
    offset = found.id.get_offset()  # of a contiguous dataset in this very file only
    if found.size and (offset is None or offset + found.nbytes > os.path.getsize(file.filename)):
        raise StoreError(f"{file.filename}: {name} must lie in one piece in the file, got none")
    return Place(int(offset or 0), tuple(found.shape))


def read_array(file: h5py.File, name: str, dtype: str, axes: int) -> NDArray[Any]:
    """The values of the dataset ``name``.

    Raises:
        StoreError: what :func:`place` raises.
    """
    place(file, name, dtype, axes)
    return np.asarray(file[name])


def mapped_array(file: h5py.File, name: str, dtype: str, axes: int) -> NDArray[Any]:
    """The values of the dataset ``name`` where they lie: pages are read as they are used.

    Raises:
        StoreError: what :func:`place` raises.
    """
    found = place(file, name, dtype, axes)
    if 0 in found.shape:
        return np.empty(found.shape, dtype)
    # Copied on a write, and never written: PyTorch warns of arrays that it may not write to.
    mapped = np.memmap(file.filename, dtype, "c", found.offset, found.shape)
    return np.asarray(mapped)


def contiguous(file: h5py.Group, name: str, shape: tuple[int, ...], dtype: h5py.h5t.TypeID) -> None:
    """An uncompressed dataset whose place in the file is fixed at creation.

    A kill while HDF5 has a file open may leave it broken. So HDF5 makes the file and closes it.
    What takes long is written at known places by :func:`write_at`: the file is always valid.
    """
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_layout(h5py.h5d.CONTIGUOUS)
    layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    h5py.h5d.create(file.id, name.encode(), dtype, h5py.h5s.create_simple(shape), layout)


def allocate(path: Path) -> None:
    """Have room on the disk for the whole of a closed file.

    Raises:
        OSError: the disk is full.
    """
    with open(path, "rb+") as file:
        os.posix_fallocate(file.fileno(), 0, os.path.getsize(path))


def write_at(path: Path, offset: int, values: NDArray[Any]) -> None:
    """Write a contiguous array at ``offset`` bytes of a closed file, durably."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        data, position = values.data.cast("B"), offset
        while data:
            written = os.pwrite(descriptor, data, position)
            data, position = data[written:], position + written
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lies_here(file: h5py.File, name: str) -> bool:
    """Whether ``name`` is in this file, and no link leads elsewhere on the way to it."""
    parts = name.split("/")
    paths = ("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return all(isinstance(file.get(path, getlink=True), h5py.HardLink) for path in paths)


def _check_version(path: str | os.PathLike[str], kind: str, version: int) -> None:
    if version > FORMAT_VERSION:
        raise StoreError(f"{path}: format version must be at most {FORMAT_VERSION}, got {version}")
    if version < FORMAT_VERSION:
        raise StoreError(
            f"{path}: format version of an erde {kind} file must be {FORMAT_VERSION}, got "
            f"{version}, which leaves parts of it outside its hash: delete it, and the next run "
            "makes it anew"
        )
