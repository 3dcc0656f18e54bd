"""Files that are whole or not there."""

import contextlib
import glob
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from erde_core.errors import ErdeError


class StoreError(ErdeError):
    """A file is missing, corrupt, foreign, or not the one that was asked for."""


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write to a temporary name; on success fsync and rename to ``path``, on failure remove it.

    The temporary file lies beside ``path``, so that the rename is atomic. One that a killed process
    left there is removed. The file gets the mode that the umask asks for, whoever writes it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        mode = _mode_of_a_new_file(temporary)
        yield temporary
        os.chmod(temporary, mode)  # safetensors, for one, makes files that nobody else may read
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _mode_of_a_new_file(path: Path) -> int:
    # The umask itself cannot be read without setting it for all threads.
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o666)
    try:
        return stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)
        path.unlink()


def publish(temporary: Path, path: Path) -> None:
    """Make ``temporary`` durable and give it its final name, in one step for any reader."""
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove_leftovers(path: Path) -> None:
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        process = leftover.suffixes[-2].removeprefix(".")
        if process.isdecimal() and not is_running(int(process)):
            leftover.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Whether a process of this machine has that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """``text`` as UTF-8, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
