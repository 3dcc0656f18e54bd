"""Reads a pickle that holds plain containers and uint8 arrays, and nothing that runs code.

The CIFAR archives are pickles by Python 2's NumPy: dicts of byte strings, lists and uint8 arrays.
A pickle may name any callable and have it called; here the three names that rebuild an array stand
for functions of this module, which make nothing but a uint8 array, and every other is refused.
"""

import io
import math
import pickle
from typing import Any

import numpy as np

from erde.datasets.images import DatasetError


def loads(data: bytes, name: str) -> Any:  # noqa: ANN401 -- whatever the pickle holds
    """The object pickled in ``data``; strings of Python 2 become bytes.

    Args:
        data: the whole pickle.
        name: what errors call it, usually its file.

    Raises:
        DatasetError: the pickle is broken, names anything but NumPy's array and dtype, or holds
            an array that is not uint8.
    """
    try:
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except DatasetError as error:
        raise DatasetError(f"{name}: {error}") from None
    # A broken stream may raise anything: EOFError, UnpicklingError, ValueError, IndexError…
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise DatasetError(f"{name}: must be a whole pickle, got: {reason}") from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _KNOWN:
            raise DatasetError(f"a pickle may only name NumPy arrays, got {module}.{name}")
        return _KNOWN[module, name]


class _Bytes(np.ndarray):
    """A uint8 array that checks the pickled state before NumPy believes it."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, dtype, fortran, raw = state
        if not isinstance(dtype, _UInt8) or fortran or not isinstance(raw, bytes):
            raise DatasetError("a pickled array must be uint8 in C order, got another kind")
        if math.prod(shape) != len(raw):
            raise DatasetError(f"an array of shape {shape} must have as many bytes, got {len(raw)}")
        # NumPy's own types ask for a numpy.bool here; it takes Python's, as its pickles hold it.
        super().__setstate__((1, shape, np.dtype(np.uint8), False, raw))  # type: ignore[arg-type]


class _UInt8:
    """Stands for ``numpy.dtype('u1')``; the byte order in its state means nothing for one byte."""

    def __init__(self, code: bytes, *_align_and_copy: int) -> None:
        if code != b"u1":
            raise DatasetError(f"a pickled array must be uint8 ('u1'), got {code!r}")

    def __setstate__(self, _state: tuple[Any, ...]) -> None:
        pass


def _empty_array(*_subtype_shape_typecode: object) -> _Bytes:
    return _Bytes((0,), np.uint8)


_KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy", "ndarray"): None,  # only the first argument of _reconstruct, never called
    ("numpy", "dtype"): _UInt8,
}
