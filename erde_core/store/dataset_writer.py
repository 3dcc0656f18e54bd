"""Fills a data set file part by part, with few images in memory, and goes on after any kill.

As the teacher's cache: the file is made with its arrays at fixed places and closed, parts go in by
plain writes, each noted in a journal once it is on the disk. Names, statistics and hashes come last
of all; a kill in that moment costs the file, and never leaves a wrong one.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError
from erde_core.images import SPLITS, ImageDataset, Split, check_dataset
from erde_core.store.dataset import COLUMNS, KIND, describe
from erde_core.store.files import StoreError, publish, whole_file
from erde_core.store.journal import Journal
from erde_core.store.stamped import (
    allocate,
    contiguous,
    get_text,
    mapped_array,
    new_stamped,
    open_stamped,
    place,
    read_array,
    set_text,
    write_at,
)

_CONTENT = ("|u1", 2)  # SHA-256 of what each image was before it was scaled
_PART_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Planned:
    """A split before its images are there: their shape (H, W, channels), labels and groups."""

    shape: tuple[int, int, int]
    labels: NDArray[np.int64]
    group: NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """The images ``start`` … ``stop`` - 1 of a split."""

    number: int
    split: str
    start: int
    stop: int


class DatasetWriter:
    """Fills a data set part by part; made again with the same arguments, it goes on where it was.

    Args:
        folder: where the unfinished file and its journal live.
        splits: ``train``, ``val`` and ``test``.
        identity: what the images depend on. An unfinished file of another identity is removed.
        say: is told what is taken up, made anew or removed, and why.

    Raises:
        OSError: the folder is not writable, or the disk lacks room for the whole file.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        splits: Mapping[str, Planned],
        identity: str,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._splits, self._lock = splits, threading.Lock()
        self._file, journal = Path(folder) / "unfinished.h5", Path(folder) / "journal.jsonl"
        if not self._is_ours(identity, say):
            journal.unlink(missing_ok=True)
            _create(self._file, splits, identity)
        with open_stamped(self._file, KIND) as file:
            self._offsets = {
                f"{name}/{column}": place(file, f"{name}/{column}", *kind).offset
                for name in SPLITS
                for column, kind in (("images", COLUMNS["images"]), ("content", _CONTENT))
            }
        self.parts = tuple(parts_of(splits))
        self._journal = Journal(journal, len(self.parts), 0)
        self._forget_damaged(say)

    @property
    def missing(self) -> list[Part]:
        """The parts that are not yet on the disk."""
        return [part for part in self.parts if part.number not in self._journal.entries]

    def write(self, part: Part, images: NDArray[np.uint8], content: NDArray[np.uint8]) -> None:
        """Store the images of ``part``, and what they were made from, durably; from any thread.

        Args:
            part: one of :attr:`missing`.
            images: uint8 ``(n, H, W, channels)``.
            content: uint8 ``(n, 32)``, a SHA-256 of each image as it was read.

        Raises:
            ValueError: another number or shape of images.
        """
        count, shape = part.stop - part.start, self._splits[part.split].shape
        if images.shape != (count, *shape) or content.shape != (count, 32):
            raise ErdeError(
                f"images and content must have shapes {(count, *shape)} and {(count, 32)}, "
                f"got {images.shape} and {content.shape}"
            )
        for column, values in (("images", images), ("content", content)):
            offset = part.start * values[:1].nbytes
            write_at(self._file, self._offsets[f"{part.split}/{column}"] + offset, values)
        with self._lock:
            self._journal.add(part.number, _part_hash(images, content), np.zeros(0, np.int64))

    def contents(self) -> dict[str, NDArray[np.uint8]]:
        """uint8 ``(N, 32)`` per split: what :meth:`write` was told of each image."""
        with open_stamped(self._file, KIND) as file:
            return {name: read_array(file, f"{name}/content", *_CONTENT) for name in SPLITS}

    def splits(self) -> dict[str, Split]:
        """What is written, the images as memory maps."""
        with open_stamped(self._file, KIND) as file:
            return {
                name: Split(
                    mapped_array(file, f"{name}/images", *COLUMNS["images"]),
                    planned.labels,
                    planned.group,
                )
                for name, planned in self._splits.items()
            }

    def finish(self, path: str | os.PathLike[str], dataset: ImageDataset) -> None:
        """Add all that is no image, and give the file its name.

        Args:
            path: the finished file, on the same file system.
            dataset: made of :meth:`splits`.

        Raises:
            ValueError: a part is missing, or a rule of ``check_dataset`` is broken.
        """
        if self.missing:
            raise ErdeError(f"all parts must be written before finish, missing {self.missing[:3]}")
        check_dataset(dataset)
        found = self.splits()
        written = replace(dataset, train=found["train"], val=found["val"], test=found["test"])
        with h5py.File(self._file, "r+", libver=("v110", "latest"), locking=False) as file:
            describe(file, written)
            del file.attrs["identity"]
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        publish(self._file, Path(path))
        self._journal.remove()

    def _is_ours(self, identity: str, say: Callable[[str], None]) -> bool:
        if not self._file.exists():
            return False
        try:
            with open_stamped(self._file, KIND) as file:
                found = get_text(file, "identity")
        except StoreError:
            found = "damaged"
        if found == identity:
            return True
        what = "is damaged" if found == "damaged" else "is of other images or settings"
        say(f"the unfinished data set {what} and is made anew")
        self._file.unlink()
        return False

    def _forget_damaged(self, say: Callable[[str], None]) -> None:
        """What is not as its line in the journal says, or whose line is damaged, is missing."""
        if not self._journal.entries and not self._journal.damaged_lines:
            return
        splits, contents = self.splits(), self.contents()
        damaged = []
        for part in self.parts:
            entry, rows = self._journal.entries.get(part.number), slice(part.start, part.stop)
            if entry is not None:
                images, content = splits[part.split].images[rows], contents[part.split][rows]
                if _part_hash(images, content) != entry.sha256:
                    damaged.append(part.number)
        if damaged or self._journal.damaged_lines:
            lost = len(damaged) + self._journal.damaged_lines
            say(f"{lost} parts of the unfinished data set are damaged: they are made anew")
            self._journal.rewrite(without=damaged)
        done, count = len(self._journal.entries), len(self.parts)
        say(f"resuming with {count - done} of {count} parts of the images to go")


def _create(path: Path, splits: Mapping[str, Planned], identity: str) -> None:
    with whole_file(path) as temporary:
        with new_stamped(temporary, KIND) as file:
            set_text(file, "identity", identity)
            for name in SPLITS:
                planned, group = splits[name], file.create_group(name)
                count = len(planned.labels)
                group["labels"], group["group"] = planned.labels, planned.group
                contiguous(group, "content", (count, 32), h5py.h5t.STD_U8LE)
                contiguous(group, "images", (count, *planned.shape), h5py.h5t.STD_U8LE)
        allocate(temporary)


def parts_of(splits: Mapping[str, Planned]) -> list[Part]:
    """All images of ``splits`` in parts of at most 16 MB."""
    found: list[Part] = []
    for name in SPLITS:
        count, shape = len(splits[name].labels), splits[name].shape
        step = max(1, min(256, _PART_BYTES // int(np.prod(shape))))
        for start in range(0, count, step):
            found.append(Part(len(found), name, start, min(start + step, count)))
    return found


def _part_hash(images: NDArray[np.uint8], content: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(images).data)
    digest.update(np.ascontiguousarray(content).data)
    return digest.hexdigest()
