"""What compiled code is handed: contiguous views that it may not write."""

import numpy as np
from numpy.typing import NDArray


def read_only(array: NDArray) -> NDArray:
    """``array``, contiguous (a copy only where it is not), as a view that may not be written.

    One compiled version then serves writable, read-only, contiguous and strided arguments.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def logits(array: NDArray[np.floating]) -> NDArray[np.floating]:
    """:func:`read_only` logits, float16 widened to float32 and anything else to float64."""
    single = array.dtype in (np.float16, np.float32)
    return read_only(array.astype(np.float32 if single else np.float64, copy=False))
