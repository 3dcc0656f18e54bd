"""Fills a teacher-logits file view by view, and goes on after any kill.

The file is created with its datasets at fixed offsets and closed; rows then go in by plain writes
at those offsets, each view noted in a journal only after it is on the disk. A kill at any moment
leaves a valid HDF5 file and a journal of whole views; the file gets its final name when all is in.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError
from erde_core.store.files import publish, whole_file
from erde_core.store.journal import Journal
from erde_core.store.stamped import (
    allocate,
    contiguous,
    new_stamped,
    open_stamped,
    set_text,
    write_at,
)
from erde_core.store.teacher_logits import (
    KIND,
    CacheIdentity,
    cache_hash,
    cache_seal,
    places,
    view_hash,
)
from erde_core.store.unfinished import Unfinished

LARGEST = 65504.0  # of float16
Shape = tuple[int, int, int, int]


class TeacherLogitsWriter:
    """Fills a cache view by view; made again with the same arguments, it goes on where it was.

    Args:
        folder: where the unfinished file and its journal live.
        shape: (V, N, E, C).
        views: int64 ``(V, 3)``.
        identity: what the answers depend on. An unfinished file of another identity or shape is
            set aside, and taken up again when its identity returns.
        say: is told what is set aside, taken up, made anew or removed, and why.

    Raises:
        OSError: the folder is not writable, or the disk lacks room for the whole file.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        shape: Shape,
        views: NDArray[np.int64],
        identity: CacheIdentity,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.shape, self._views, self._identity = shape, np.asarray(views, np.int64), identity
        unfinished = Unfinished(Path(folder), say)
        self._file = unfinished.file
        if not unfinished.settle(shape, identity):
            self._create(unfinished)
        self._offsets = _offsets(self._file)
        self._journal = Journal(unfinished.journal, shape[0], shape[2])
        self._forget_damaged(say)

    @property
    def missing(self) -> list[int]:
        """The views that are not yet on the disk, ascending."""
        return [v for v in range(self.shape[0]) if v not in self._journal.entries]

    def write_view(self, view: int, logits: NDArray[np.float16], wrong: NDArray[np.int64]) -> None:
        """Store one view, ``(N, E, C)``, and its count of wrong answers per exit, durably.

        Raises:
            ValueError: wrong view, shape or dtype, or a logit that is not finite in float16.
        """
        if not 0 <= view < self.shape[0]:
            raise ErdeError(f"view must lie in 0 … {self.shape[0] - 1}, got {view}")
        if logits.shape != self.shape[1:] or logits.dtype != np.float16:
            raise ErdeError(
                f"logits of view {view} must be float16 {self.shape[1:]}, "
                f"got {logits.dtype} {logits.shape}"
            )
        if not (np.abs(logits) < LARGEST).all():
            raise ErdeError(f"logits of view {view} must be finite and below {LARGEST} in float16")
        data = np.ascontiguousarray(logits)
        self._write_bytes("logits", data, view * data.nbytes)
        self._journal.add(view, view_hash(data), wrong)

    def finish(self, path: str | os.PathLike[str], wrong_on_val: NDArray[np.float64]) -> None:
        """Add the shares of wrong answers and the hashes, and give the file its name.

        Args:
            path: the finished file, on the same file system.
            wrong_on_val: share of wrong answers on the validation split, ``(E,)``.

        Raises:
            ValueError: a view is still missing.
        """
        if self.missing:
            raise ErdeError(f"all views must be written before finish, missing {self.missing}")
        views, samples = self.shape[:2]
        entries = [self._journal.entries[v] for v in range(views)]
        counts = np.sum([entry.wrong for entry in entries], axis=0)
        tables = (
            self._views,
            counts / np.float64(views * samples),
            np.asarray(wrong_on_val, np.float64),
        )
        sha256 = cache_hash([entry.sha256 for entry in entries], *tables)
        seal = cache_seal(sha256, self.shape, self._identity, *tables)
        for name, table in zip(("views", "wrong_on_train", "wrong_on_val"), tables, strict=True):
            self._write_bytes(name, table)
        self._write_bytes("sha256", np.frombuffer(bytes.fromhex(sha256), np.uint8))
        self._write_bytes("seal", np.frombuffer(bytes.fromhex(seal), np.uint8))
        publish(self._file, Path(path))
        self._journal.remove()

    def _create(self, unfinished: Unfinished) -> None:
        try:
            _create(self._file, self.shape, self._views, self._identity)
        except OSError as error:
            if error.errno != errno.ENOSPC or not unfinished.make_room():
                raise
            _create(self._file, self.shape, self._views, self._identity)

    def _forget_damaged(self, say: Callable[[str], None]) -> None:
        """What is not as its line in the journal says, or whose line is damaged, is missing."""
        logits = np.memmap(self._file, np.float16, "r", self._offsets["logits"], self.shape)
        noted = sorted(self._journal.entries.items())
        damaged = [view for view, entry in noted if view_hash(logits[view]) != entry.sha256]
        lost = len(damaged) + self._journal.damaged_lines
        if lost:
            say(f"{lost} views of the unfinished cache are damaged: they are made anew")
            self._journal.rewrite(without=damaged)

    def _write_bytes(self, name: str, values: NDArray[Any], offset: int = 0) -> None:
        write_at(self._file, self._offsets[name] + offset, values)


def _create(path: Path, shape: Shape, views: NDArray[np.int64], identity: CacheIdentity) -> None:
    with whole_file(path) as temporary:
        with new_stamped(temporary, KIND) as file:
            for name, value in asdict(identity).items():
                set_text(file, name, value)
            file["views"] = views
            exits = (shape[2],)
            contiguous(file, "wrong_on_train", exits, h5py.h5t.IEEE_F64LE)
            contiguous(file, "wrong_on_val", exits, h5py.h5t.IEEE_F64LE)
            contiguous(file, "sha256", (32,), h5py.h5t.STD_U8LE)
            contiguous(file, "seal", (32,), h5py.h5t.STD_U8LE)
            contiguous(file, "logits", shape, h5py.h5t.IEEE_F16LE)
        # This reserves the whole file now, so that a full disk is reported before the teacher runs.
        allocate(temporary)


def _offsets(path: Path) -> dict[str, int]:
    with open_stamped(path, KIND) as file:
        return {name: found.offset for name, found in places(file).items()}
