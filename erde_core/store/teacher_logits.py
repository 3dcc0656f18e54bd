"""The teacher-logits file: float16 ``(V, N, E, C)``, one teacher answer per view and train image.

One contiguous dataset that readers map into memory: h5py's point selection is far slower than a
gather from the map. ``teacher_logits_writer`` makes the file.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from erde_core.store.files import StoreError
from erde_core.store.seal import check_seal, content_hash, sealed
from erde_core.store.stamped import Place, get_text, open_stamped, place, read_array

KIND = "teacher logits"
# dtype and number of axes of every array in the file
ARRAYS = {
    "logits": ("<f2", 4),
    "views": ("<i8", 2),
    "wrong_on_train": ("<f8", 1),
    "wrong_on_val": ("<f8", 1),
    "sha256": ("|u1", 1),
    "seal": ("|u1", 1),
}
_TABLES = ("views", "wrong_on_train", "wrong_on_val")


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
        maker: the code, PyTorch version, threads and device that asked the teacher, as JSON. Half
            of the views from one and half from another would be a cache that nobody can make again.
    """

    dataset: str
    teacher: str
    normalisation: str
    pad_mode: str
    precision: str
    views: str
    folds: str
    maker: str

    def parts(self) -> dict[str, object]:
        """Every field, and those of ``maker`` by their own names."""
        return asdict(self) | {"maker": _parsed(self.maker)}


@dataclass(frozen=True)
class TeacherLogits:
    """An opened cache.

    Attributes:
        logits: float16 ``(V, N, E, C)``, a read-only memory map; of a row far from 0 they are
            distances from its second largest logit.
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


def read_teacher_logits(path: str | os.PathLike[str], **expected: str) -> TeacherLogits:
    """Open a cache; all but the logits is checked here, those by :func:`verify_content`.

    Args:
        path: the finished file.
        expected: fields of :class:`CacheIdentity` that the reader knows.

    Raises:
        StoreError: not such a file, cut short, its seal broken, or a field of ``expected`` differs
            (the message names it and both values).
    """
    with open_stamped(path, KIND) as file:
        identity = read_identity(file)
        found = places(file)["logits"]
        views, *wrong = (read_array(file, name, *ARRAYS[name]) for name in _TABLES)
        hashes = [np.asarray(file[name]).tobytes().hex() for name in ("sha256", "seal")]
        check_seal(path, hashes[1], cache_seal(hashes[0], found.shape, identity, views, *wrong))
        _check_shapes(path, found.shape, views, *wrong)
        logits = np.memmap(path, np.float16, "r", found.offset, found.shape)
    for name, value in expected.items():
        if getattr(identity, name) != value:
            raise StoreError(
                f"{path}: made with another {name}: "
                f"must be {_short(value)}, got {_short(getattr(identity, name))}"
            )
    return TeacherLogits(logits, views, identity, wrong[0], wrong[1], hashes[0])


def places(file: h5py.File) -> dict[str, Place]:
    """Where every array of an open cache file lies.

    Raises:
        StoreError: one is missing, or not what the writer makes.
    """
    return {name: place(file, name, *kind) for name, kind in ARRAYS.items()}


def verify_content(cache: TeacherLogits, path: str | os.PathLike[str], threads: int = 1) -> None:
    """Hash all logits and tables again.

    Args:
        threads: how many hash at once.

    Raises:
        StoreError: they are not what was written.
    """
    with ThreadPoolExecutor(threads) as pool:  # hashing lets other threads run
        digests = list(pool.map(view_hash, cache.logits))
    found = cache_hash(digests, cache.views, cache.wrong_on_train, cache.wrong_on_val)
    check_seal(path, cache.sha256, found)


def view_hash(logits: NDArray[np.float16]) -> str:
    """SHA-256 of one view's logits, ``(N, E, C)``."""
    return hashlib.sha256(np.ascontiguousarray(logits).data).hexdigest()


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


def cache_seal(
    sha256: str,
    shape: tuple[int, ...],
    identity: CacheIdentity,
    views: NDArray[np.int64],
    wrong_on_train: NDArray[np.float64],
    wrong_on_val: NDArray[np.float64],
) -> str:
    """One hash of all but the logits themselves, which are in it by theirs, ``sha256``."""
    arrays = {"views": views, "wrong_on_train": wrong_on_train, "wrong_on_val": wrong_on_val}
    made_from = {f"identity/{name}": text for name, text in asdict(identity).items()}
    return sealed(sha256=sha256, shape=json.dumps(shape), **arrays, **made_from)


def _check_shapes(
    path: str | os.PathLike[str],
    shape: tuple[int, ...],
    views: NDArray[np.int64],
    *wrong: NDArray[np.float64],
) -> None:
    if 0 in shape:
        raise StoreError(f"{path}: logits must have no empty axis, got shape {shape}")
    if views.shape != (shape[0], 3):
        raise StoreError(f"{path}: views must have shape ({shape[0]}, 3), got {views.shape}")
    for share in wrong:
        if share.shape != (shape[2],):
            raise StoreError(
                f"{path}: shares of wrong answers must have shape ({shape[2]},), got {share.shape}"
            )


def _parsed(text: str) -> object:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return value if isinstance(value, Mapping) else text


def _short(text: str) -> str:
    return text if len(text) <= 70 else text[:67] + "..."
