"""What compiled code is handed: contiguous views that it may not write."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """``array``, contiguous (a copy only where it is not), as a view that may not be written.

    One compiled version then serves writable, read-only, contiguous and strided arguments.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def logits(array: NDArray[np.floating]) -> NDArray[np.floating]:
    """:func:`read_only` logits of :func:`logits_dtype`."""
    return read_only(array.astype(logits_dtype(array), copy=False))


def logits_dtype(array: NDArray[np.floating]) -> type[np.floating]:
    """float32 for what is no wider than that, float64 for anything else."""
    return np.float32 if array.dtype in (np.float16, np.float32) else np.float64
