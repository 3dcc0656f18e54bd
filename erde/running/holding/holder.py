"""Who holds something, so that another process can tell whether that one still lives."""

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from erde_core.store.files import is_running

_DEAD_STATES = ("Z", "X")  # in /proc: ended, but not yet collected by its parent


@dataclass(frozen=True)
class Holder:
    """One process.

    Attributes:
        process: its number.
        started: when, in the kernel's clock ticks: numbers are used again.
        place: where the number counts: this boot of the machine, and the namespace of processes.
        host: its name, for people.
        job: its Slurm job, or empty.
    """

    process: int
    started: str
    place: str
    host: str
    job: str

    @classmethod
    def this_process(cls) -> "Holder":
        """The caller."""
        number = os.getpid()
        job = os.environ.get("SLURM_JOB_ID", "")
        return cls(number, _started(number) or "", _place(), socket.gethostname(), job)

    def is_dead(self) -> bool:
        """Whether it surely is; on another machine that cannot be told."""
        return self.place == _place() and _started(self.process) != self.started

    def __str__(self) -> str:
        job = f" (Slurm job {self.job})" if self.job else ""
        return f"process {self.process} on {self.host}{job}"

    def to_json(self) -> str:
        """One line, for :meth:`from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Holder | None":
        """The reverse; None if the text is not whole."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None


def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # no Linux: the machine's name must do
        return socket.gethostname()


def _started(process: int) -> str | None:
    """The time at which a process started; None if it has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "" if not os.path.exists("/proc/self/stat") and is_running(process) else None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return None if fields[0] in _DEAD_STATES else fields[19]
