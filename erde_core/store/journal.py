"""The journal of an unfinished cache: one line per view that is whole on the disk."""

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erde_core.store.files import write_text
from erde_core.store.seal import sealed


@dataclass(frozen=True)
class Entry:
    """One view: the SHA-256 of its logits, and its count of wrong answers per exit."""

    view: int
    sha256: str
    wrong: tuple[int, ...]


class Journal:
    """The lines of one journal file.

    Args:
        path: of the file, which need not be there yet.
        views, exits: V and E of the cache.

    Attributes:
        entries: by view, of every whole and undamaged line.
        damaged_lines: how many are neither. One that a kill cut short is removed and not counted:
            its view was not done.
    """

    def __init__(self, path: Path, views: int, exits: int) -> None:
        self._path, self.damaged_lines = path, 0
        self.entries: dict[int, Entry] = {}
        for line in _whole_lines(path):
            entry = _entry(line, views, exits)
            if entry is None:
                self.damaged_lines += 1
            else:
                self.entries[entry.view] = entry

    def add(self, view: int, sha256: str, wrong: NDArray[np.int64]) -> None:
        """Note that ``view`` is whole on the disk."""
        entry = Entry(view, sha256, tuple(int(count) for count in wrong))
        with open(self._path, "a", encoding="utf-8") as journal:
            journal.write(journal_line(entry))
            journal.flush()
            os.fsync(journal.fileno())
        self.entries[view] = entry

    def rewrite(self, without: Collection[int]) -> None:
        """Keep the good lines alone, and of those not the views in ``without``."""
        self.entries = {v: entry for v, entry in self.entries.items() if v not in without}
        write_text(self._path, "".join(map(journal_line, self.entries.values())))
        self.damaged_lines = 0

    def remove(self) -> None:
        """The cache is finished."""
        self._path.unlink()


def journal_line(entry: Entry) -> str:
    """``entry`` as it stands in the file, under a seal of its own."""
    fields = {"view": entry.view, "sha256": entry.sha256, "wrong": list(entry.wrong)}
    return json.dumps(fields | {"seal": _seal(entry)}) + "\n"


def _seal(entry: Entry) -> str:
    return sealed(view=str(entry.view), sha256=entry.sha256, wrong=json.dumps(entry.wrong))[:16]


def _whole_lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        os.truncate(path, len(whole))
    return whole.splitlines()


def _entry(line: bytes, views: int, exits: int) -> Entry | None:
    try:
        fields = json.loads(line)
        view, sha256, wrong = fields["view"], fields["sha256"], fields["wrong"]
        if (type(view), type(sha256), type(wrong)) != (int, str, list):
            return None
        entry = Entry(view, sha256, tuple(wrong))
        good = fields["seal"] == _seal(entry) and {type(count) for count in wrong} <= {int}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry if good and 0 <= view < views and len(wrong) == exits else None
