"""The teacher-logits file: float16 ``(V, N, E, C)``, one teacher answer per view and train image.

One contiguous dataset that readers map into memory: h5py's point selection is far slower than a
gather from the map. ``teacher_logits_writer`` makes the file.
"""

import hashlib
import os
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from erde_core.store.files import StoreError, content_hash, get_text, open_stamped

KIND = "teacher logits"


@dataclass(frozen=True)
class CacheIdentity:
    """What the cached answers depend on; a reader must agree on every field it knows.

    Attributes:
        dataset: SHA-256 of the data set's content.
        teacher: SHA-256 of the teacher's weights (of all of them, where there are folds).
        normalisation: mean and std per channel, as text.
        pad_mode: how images are padded before the crop.
        precision: ``float32`` or ``bf16``, of the teacher's forward pass.
        views: the view table (dy, dx, flip), as text.
        folds: the number of cross-fitted teachers, as text.
        maker: hash of the code, PyTorch version and device that asked the teacher. Half of the
            views from one and half from another would be a cache that nobody can make again.
    """

    dataset: str
    teacher: str
    normalisation: str
    pad_mode: str
    precision: str
    views: str
    folds: str
    maker: str


@dataclass(frozen=True)
class TeacherLogits:
    """An opened cache.

    Attributes:
        logits: float16 ``(V, N, E, C)``, a read-only memory map.
        views: int64 ``(V, 3)`` of (dy, dx, flip).
        identity: what the answers depend on.
        wrong_on_train, wrong_on_val: share of wrong teacher answers per exit, float64 ``(E,)``,
            over all train views and over the validation split.
        sha256: hash of the content.
    """

    logits: NDArray[np.float16]
    views: NDArray[np.int64]
    identity: CacheIdentity
    wrong_on_train: NDArray[np.float64]
    wrong_on_val: NDArray[np.float64]
    sha256: str


def read_teacher_logits(path: str | os.PathLike, **expected: str) -> TeacherLogits:
    """Open a cache.

    Args:
        path: the finished file.
        expected: fields of :class:`CacheIdentity` that the reader knows.

    Raises:
        StoreError: not such a file, cut short, or a field of ``expected`` differs (the message
            names it and both values).
    """
    with open_stamped(path, KIND) as file:
        identity = read_identity(file)
        views, shape = np.asarray(file["views"]), file["logits"].shape
        wrong = [np.asarray(file[name]) for name in ("wrong_on_train", "wrong_on_val")]
        sha256 = bytes(np.asarray(file["sha256"])).hex()
        offset = file["logits"].id.get_offset()
    for name, value in expected.items():
        if getattr(identity, name) != value:
            raise StoreError(
                f"{path}: made with another {name}: "
                f"must be {_short(value)}, got {_short(getattr(identity, name))}"
            )
    logits = np.memmap(path, np.float16, "r", offset, shape)
    return TeacherLogits(logits, views, identity, *wrong, sha256)


def verify_content(cache: TeacherLogits, path: str | os.PathLike) -> None:
    """Hash all logits and tables again; StoreError if they are not what was written."""
    digests = [hashlib.sha256(view.data).hexdigest() for view in cache.logits]
    found = cache_hash(digests, cache.views, cache.wrong_on_train, cache.wrong_on_val)
    if found != cache.sha256:
        raise StoreError(f"{path}: content must have SHA-256 {cache.sha256}, got {found}")


def read_identity(file: h5py.File) -> CacheIdentity:
    """The identity noted in an open cache file."""
    return CacheIdentity(**{name: get_text(file, name) for name in CacheIdentity.__annotations__})


def cache_hash(
    digests: list[str],
    views: NDArray[np.int64],
    wrong_on_train: NDArray[np.float64],
    wrong_on_val: NDArray[np.float64],
) -> str:
    """One hash from the SHA-256 of each view's logits, in view order, and the small tables."""
    return content_hash(np.array(digests, "S64"), views, wrong_on_train, wrong_on_val)


def _short(text: str) -> str:
    return text if len(text) <= 70 else text[:67] + "..."
