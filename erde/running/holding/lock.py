"""One trainer per checkpoint folder: a second one waits until the first is gone.

Two means together. The kernel's file lock is free the moment its holder dies, however it dies; but
on some shared file systems it is unknown, or known to one machine only. There the lease decides.
"""

import contextlib
import errno
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from erde.running.holding.holder import Holder
from erde.running.holding.lease import Lease, take_lease

_NO_FILE_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
_held: dict[Path, Lease] = {}  # by this process


@contextlib.contextmanager
def folder_lock(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold ``folder`` for this process; wait, and say so, while another one holds it.

    Leftovers of interrupted writes are removed once the lock is held.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+", encoding="utf-8") as file:
        _lock(file, folder, say)
        lease = take_lease(folder, say)
        _held[folder.resolve()] = lease
        try:
            file.truncate(0)
            file.write(f"{Holder.this_process()}\n")
            file.flush()
            for leftover in folder.glob(".*.tmp"):
                leftover.unlink()
            yield
        finally:
            del _held[folder.resolve()]
            lease.release()


def check_held(folder: Path) -> None:
    """Call it right before a write that another trainer of ``folder`` would read.

    Raises:
        LostLeaseError: this process was suspended for so long that another one has taken over.
    """
    lease = _held.get(folder.resolve())
    if lease:
        lease.check()


def _lock(file: TextIO, folder: Path, say: Callable[[str], None]) -> None:
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            say(f"waiting: {folder} is in use by {file.read().strip() or 'another process'}")
            fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_FILE_LOCKS:
            raise
