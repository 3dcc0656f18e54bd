"""Unfinished caches: the one that is being filled, and one of other settings that waits.

A cache in the making is two files, ``unfinished.h5`` and its journal. When the settings change
they move into ``aside-<hash>/``, and back when the settings return. A kill between two moves leaves
the journal aside and the file in place; the next start completes the move.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from erde_core.store.differences import differences
from erde_core.store.files import StoreError
from erde_core.store.seal import sealed
from erde_core.store.stamped import open_stamped
from erde_core.store.teacher_logits import KIND, CacheIdentity, places, read_identity

_KEPT = 1  # others than the one that is being filled: each takes the room of a whole cache
_FILE, _JOURNAL = "unfinished.h5", "journal.jsonl"
Found = tuple[tuple[int, ...], CacheIdentity]


class Unfinished:
    """The unfinished caches in ``folder``; ``say`` is told what happens to them, and why."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._say = folder, say
        self.file, self.journal = folder / _FILE, folder / _JOURNAL

    def settle(self, shape: tuple[int, ...], identity: CacheIdentity) -> bool:
        """Put the unfinished cache of that shape and identity in place, all others aside.

        Returns:
            Whether there is one.
        """
        self._complete_moves()
        wanted = (shape, identity)
        if self.file.exists():
            found = self._read()
            if found == wanted:
                return True
            self._set_aside(found, wanted)
        self.journal.unlink(missing_ok=True)  # of no file
        there = self._take_up(self._aside(wanted))
        self._forget_the_oldest()
        return there

    def make_room(self) -> bool:
        """Remove those that wait, and say whether there was one."""
        waiting = self._waiting()
        for folder in waiting:
            self._say(f"the disk is full: {folder.name}, an unfinished cache, is removed")
            shutil.rmtree(folder)
        return bool(waiting)

    def _take_up(self, waiting: Path) -> bool:
        if not (waiting / _FILE).exists():
            return False
        os.replace(waiting / _FILE, self.file)
        if (waiting / _JOURNAL).exists():
            os.replace(waiting / _JOURNAL, self.journal)
        shutil.rmtree(waiting)
        self._say(f"the unfinished cache of these settings is taken up again from {waiting.name}")
        return True

    def _set_aside(self, found: Found | None, wanted: Found) -> None:
        if found is None:
            self._say(f"{self.file} is damaged or of another version: it is removed")
            self.file.unlink()
            return
        target = self._aside(found)
        changed = "; ".join(differences(_parts(found), _parts(wanted)))
        self._say(
            f"the unfinished cache is of other settings ({changed}): it waits as {target.name}"
        )
        target.mkdir(exist_ok=True)
        if self.journal.exists():
            os.replace(self.journal, target / _JOURNAL)
        os.replace(self.file, target / _FILE)
        os.utime(target)

    def _forget_the_oldest(self) -> None:
        for old in self._waiting()[_KEPT:]:
            self._say(f"{old.name}, an older unfinished cache, is removed ({_KEPT} is kept)")
            shutil.rmtree(old)

    def _complete_moves(self) -> None:
        for folder in self._waiting():
            if (folder / _FILE).exists():
                continue
            found = self._read() if self.file.exists() else None
            if found and self._aside(found) == folder and not self.journal.exists():
                os.replace(self.file, folder / _FILE)
            else:
                shutil.rmtree(folder)  # a journal of no file says nothing

    def _waiting(self) -> list[Path]:
        """The newest first."""
        folders = [path for path in self._folder.glob("aside-*") if path.is_dir()]
        return sorted(folders, key=lambda path: path.stat().st_mtime_ns, reverse=True)

    def _aside(self, found: Found) -> Path:
        parts = {name: str(value) for name, value in _parts(found).items()}
        return self._folder / f"aside-{sealed(**parts)[:12]}"

    def _read(self) -> Found | None:
        try:
            with open_stamped(self.file, KIND) as file:
                return places(file)["logits"].shape, read_identity(file)
        except StoreError:
            return None


def _parts(found: Found) -> dict[str, object]:
    return {"shape": list(found[0])} | found[1].parts()
