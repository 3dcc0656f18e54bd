"""Arrays whose place in an HDF5 file is fixed when it is made, and written later without HDF5.

A kill while HDF5 has a file open may leave it broken. So it makes the file and closes it; what
takes long is written by plain writes at known places, and a kill at any moment leaves a valid file.
"""

import os
from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray


def contiguous(file: h5py.Group, name: str, shape: tuple[int, ...], dtype: h5py.h5t.TypeID) -> None:
    """An uncompressed dataset whose place in the file is fixed at creation."""
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
