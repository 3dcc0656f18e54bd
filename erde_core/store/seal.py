"""What a file says as one hash: names, types, shapes and values of all that a reader uses."""

import hashlib
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde_core.store.files import StoreError


def content_hash(*arrays: NDArray[Any]) -> str:
    """SHA-256 over dtype, shape and values of ``arrays``, as hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def sealed(**parts: NDArray[Any] | str) -> str:
    """SHA-256 over name and content of every part, in the order of the names.

    Args:
        parts: arrays count with dtype, shape and values; texts with their length, so that nothing
            can move from one part into the next.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, part in sorted(parts.items()):
        if isinstance(part, str):
            text = part.encode()
            digest.update(f"{name} text {len(text)}\n".encode() + text)
        else:
            digest.update(f"{name} {part.dtype.str} {part.shape}\n".encode())
            digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def check_seal(path: str | os.PathLike[str], noted: str, found: str) -> None:
    """Compare the seal that a file notes with that of its content.

    Raises:
        StoreError: they differ.
    """
    if noted != found:
        raise StoreError(
            f"{path}: content must have SHA-256 {noted}, got {found}; the file is damaged: "
            "delete it, and the next run makes it anew"
        )
