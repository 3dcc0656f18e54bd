"""Fills a teacher-logits file view by view, and goes on after any kill.

The file is created with its datasets at fixed offsets and closed; rows then go in by plain writes
at those offsets, each view noted in a journal only after it is on the disk. A kill at any moment
leaves a valid HDF5 file and a journal of whole views; the file gets its final name when all is in.
"""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from erde_core.store.files import (
    StoreError,
    new_stamped,
    open_stamped,
    publish,
    set_text,
    whole_file,
)
from erde_core.store.teacher_logits import KIND, CacheIdentity, cache_hash, read_identity

LARGEST = 65504.0  # of float16


class TeacherLogitsWriter:
    """Fills a cache view by view; made again with the same arguments, it goes on where it was.

    Args:
        folder: where the unfinished file and its journal live.
        shape: (V, N, E, C).
        views: int64 ``(V, 3)``.
        identity: what the answers depend on. An unfinished file of another identity or shape is
            thrown away.

    Raises:
        OSError: the folder is not writable, or the disk lacks room for the whole file.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        shape: tuple[int, int, int, int],
        views: NDArray[np.int64],
        identity: CacheIdentity,
    ) -> None:
        self.shape, self._views = shape, np.asarray(views, np.int64)
        self._file = Path(folder) / "unfinished.h5"
        self._journal = Path(folder) / "journal.jsonl"
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if not self._is_ours(identity):
            self._journal.unlink(missing_ok=True)
            self._file.unlink(missing_ok=True)
            _create(self._file, shape, self._views, identity)
        self._offsets = _offsets(self._file)
        self._entries = _whole_lines(self._journal)

    @property
    def missing(self) -> list[int]:
        """The views that are not yet on the disk, ascending."""
        return [v for v in range(self.shape[0]) if v not in self._entries]

    def write_view(self, view: int, logits: NDArray[np.float16], wrong: NDArray[np.int64]) -> None:
        """Store one view, ``(N, E, C)``, and its count of wrong answers per exit, durably.

        Raises:
            ValueError: wrong view, shape or dtype, or a logit that is not finite in float16.
        """
        if not 0 <= view < self.shape[0]:
            raise ValueError(f"view must lie in 0 … {self.shape[0] - 1}, got {view}")
        if logits.shape != self.shape[1:] or logits.dtype != np.float16:
            raise ValueError(
                f"logits of view {view} must be float16 {self.shape[1:]}, "
                f"got {logits.dtype} {logits.shape}"
            )
        if not (np.abs(logits) < LARGEST).all():
            raise ValueError(f"logits of view {view} must be finite and below {LARGEST} in float16")
        data = np.ascontiguousarray(logits)
        self._write_bytes("logits", data, view * data.nbytes)
        digest = hashlib.sha256(data.data).hexdigest()
        entry = {"view": view, "sha256": digest, "wrong": [int(count) for count in wrong]}
        with open(self._journal, "a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry) + "\n")
            journal.flush()
            os.fsync(journal.fileno())
        self._entries[view] = entry

    def finish(self, path: str | os.PathLike, wrong_on_val: NDArray[np.float64]) -> None:
        """Add the shares of wrong answers and the hash, and give the file its name.

        Args:
            path: the finished file, on the same file system.
            wrong_on_val: share of wrong answers on the validation split, ``(E,)``.

        Raises:
            ValueError: a view is still missing.
        """
        if self.missing:
            raise ValueError(f"all views must be written before finish, missing {self.missing}")
        views, samples = self.shape[:2]
        entries = [self._entries[v] for v in range(views)]
        counts = np.sum([entry["wrong"] for entry in entries], axis=0)
        shares = counts / np.float64(views * samples), np.asarray(wrong_on_val, np.float64)
        digest = cache_hash([entry["sha256"] for entry in entries], self._views, *shares)
        self._write_bytes("wrong_on_train", shares[0])
        self._write_bytes("wrong_on_val", shares[1])
        self._write_bytes("sha256", np.frombuffer(bytes.fromhex(digest), np.uint8))
        publish(self._file, Path(path))
        self._journal.unlink()

    def _write_bytes(self, name: str, values: NDArray, offset: int = 0) -> None:
        descriptor = os.open(self._file, os.O_WRONLY)
        try:
            data, position = memoryview(values).cast("B"), self._offsets[name] + offset
            while data:
                written = os.pwrite(descriptor, data, position)
                data, position = data[written:], position + written
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _is_ours(self, identity: CacheIdentity) -> bool:
        try:
            with open_stamped(self._file, KIND) as file:
                return read_identity(file) == identity and file["logits"].shape == self.shape
        except StoreError:
            return False


def _create(
    path: Path, shape: tuple[int, int, int, int], views: NDArray, identity: CacheIdentity
) -> None:
    with whole_file(path) as temporary:
        with new_stamped(temporary, KIND) as file:
            for name, value in asdict(identity).items():
                set_text(file, name, value)
            file["views"] = views
            exits = (shape[2],)
            _contiguous(file, "wrong_on_train", exits, h5py.h5t.IEEE_F64LE)
            _contiguous(file, "wrong_on_val", exits, h5py.h5t.IEEE_F64LE)
            _contiguous(file, "sha256", (32,), h5py.h5t.STD_U8LE)
            _contiguous(file, "logits", shape, h5py.h5t.IEEE_F16LE)
        # Room for all now: a full disk is told before the teacher runs, not after hours of it.
        with open(temporary, "rb+") as file:
            os.posix_fallocate(file.fileno(), 0, os.path.getsize(temporary))


def _contiguous(file: h5py.File, name: str, shape: tuple[int, ...], dtype: h5py.h5t.TypeID) -> None:
    """An uncompressed dataset whose place in the file is fixed at creation."""
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_layout(h5py.h5d.CONTIGUOUS)
    layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    h5py.h5d.create(file.id, name.encode(), dtype, h5py.h5s.create_simple(shape), layout)


def _offsets(path: Path) -> dict[str, int]:
    with open_stamped(path, KIND) as file:
        names = ("logits", "wrong_on_train", "wrong_on_val", "sha256")
        return {name: file[name].id.get_offset() for name in names}


def _whole_lines(path: Path) -> dict[int, dict]:
    """View → journal entry of every whole line; a line that a kill cut short is removed."""
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        os.truncate(path, len(whole.encode()))
    return {entry["view"]: entry for entry in map(json.loads, whole.splitlines())}
