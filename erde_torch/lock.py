"""One trainer per checkpoint folder: a second one waits until the first is gone."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def folder_lock(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold ``folder`` for this process; wait, and say so, while another one holds it.

    The kernel drops the lock when its holder dies, however it dies. Leftovers of interrupted
    writes are removed once the lock is held.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            say(f"waiting: {folder} is in use by {file.read().strip() or 'another process'}")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        for leftover in folder.glob(".*.tmp"):
            leftover.unlink()
        yield
