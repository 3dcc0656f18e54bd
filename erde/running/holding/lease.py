"""A lease on a folder: holds where file locks reach only one machine, or do not exist.

Leases are numbered files, ``lease.1``, ``lease.2``, …; the highest number counts. Its holder renews
it from a thread. A waiter takes over by creating the next number, which only one can, once the
holder is released, dead, or unchanged for ``LEASE_SECONDS`` by the waiter's own clock: no two
machines' clocks are ever compared. The highest number is never removed, so none is used twice. A
holder that was suspended for so long finds a higher number than its own, and stops before it
writes.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from erde.running.holding.holder import Holder
from erde_core.errors import ErdeError

# NFS may show a folder as it was 60 s ago; a waiter must not take an old view for a dead holder.
LEASE_SECONDS = 150.0
BEAT_SECONDS = 20.0
POLL_SECONDS = 1.0
_WIDTH = 12  # bytes of the first line; every beat is one write of this length
_RELEASED = b"released".ljust(_WIDTH)


class LostLeaseError(ErdeError):
    """Another process holds the folder now; what this one would write is no longer wanted."""


class Lease:
    """A lease that this process holds, renewed until :meth:`release`; see :func:`take_lease`."""

    def __init__(self, folder: Path, number: int, descriptor: int) -> None:
        self.folder, self.number = folder, number
        self._descriptor, self._beats = descriptor, 0
        self._busy, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._keep_renewing, daemon=True, name="lease")
        self._thread.start()

    def check(self) -> None:
        """Renew the lease; call it right before something is written that others may read.

        Raises:
            LostLeaseError: another process has taken over.
            OSError: the folder cannot be reached, so nobody can tell.
        """
        with self._busy:
            newest = _newest(self.folder)
            if newest != self.number:
                holder = _read(self.folder, newest)[1] if newest else None
                raise LostLeaseError(
                    f"{self.folder}: this process did not answer for {LEASE_SECONDS:.0f} s, and "
                    f"{holder or 'another process'} has taken over; it stops here"
                )
            self._beats += 1
            self._write(f"{self._beats:{_WIDTH}d}".encode())

    def release(self) -> None:
        """Let the next process take the lease at once."""
        self._stop.set()
        self._thread.join()
        try:
            self._write(_RELEASED)
        except OSError:  # then the next process waits until the lease has run out
            pass
        finally:
            os.close(self._descriptor)

    def _write(self, beat: bytes) -> None:
        # The descriptor is that of our own file, even if another process has renamed it.
        # So this never writes to another's lease.
        os.pwrite(self._descriptor, beat, 0)
        os.fsync(self._descriptor)

    def _keep_renewing(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self.check()
            except (OSError, LostLeaseError):  # the next writer calls check, which raises it again
                continue


def take_lease(folder: Path, say: Callable[[str], None]) -> Lease:
    """Wait for the lease on ``folder``, saying once for whom, and take it.

    Raises:
        OSError: the folder is not writable.
    """
    seen, since, looks, said = None, time.monotonic(), 0, False
    while True:
        number = _newest(folder)
        text, holder = _read(folder, number)
        if (number, text) != seen:
            seen, since = (number, text), time.monotonic()
        released = not number or text.startswith(_RELEASED)
        silent = time.monotonic() - since > LEASE_SECONDS
        if released or silent or (holder and holder.is_dead()):
            lease = _create(folder, number + 1)
            if lease:
                return lease
        elif looks and not said:  # at the first look the holder may just be dying
            say(f"waiting: {folder} is in use by {holder or 'another process'}")
            said = True
        looks += 1
        time.sleep(POLL_SECONDS)


def _create(folder: Path, number: int) -> Lease | None:
    """The lease of that number; None if another process was faster."""
    path = _path(folder, number)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return None
    try:
        os.write(descriptor, b" " * _WIDTH + b"\n" + Holder.this_process().to_json().encode())
        os.fsync(descriptor)
        if _newest(folder) != number:  # our view of the folder was too old
            path.unlink(missing_ok=True)
            os.close(descriptor)
            return None
    except OSError:
        os.close(descriptor)
        raise
    for old in _numbers(folder):
        if old < number:
            _path(folder, old).unlink(missing_ok=True)
    return Lease(folder, number, descriptor)


def _path(folder: Path, number: int) -> Path:
    return folder / f"lease.{number}"


def _numbers(folder: Path) -> list[int]:
    names = (name.partition("lease.") for name in os.listdir(folder))
    return [int(n) for before, dot, n in names if dot and not before and n.isdecimal()]


def _newest(folder: Path) -> int:
    return max(_numbers(folder), default=0)


def _read(folder: Path, number: int) -> tuple[bytes, Holder | None]:
    """What a lease file says, and its holder if that is whole; nothing if the file has gone."""
    try:
        text = _path(folder, number).read_bytes()
    except FileNotFoundError:
        return b"", None
    return text, Holder.from_json(text[_WIDTH:].decode(errors="replace"))
