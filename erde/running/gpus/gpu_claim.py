"""Each process on a machine takes GPUs of its own. Imports no torch.

Jobs that Snakemake starts side by side all see the same GPUs; nobody but themselves shares these
out. A claim is a file lock, named after the GPU itself and not after its place in the list, which
Slurm may number anew in each job. The kernel drops it when the process ends, however it ends.

Who shares a GPU holds its lock as a reader, and a place on it: one more lock. So a job that wants
the GPU alone waits until all have left, and the other way round.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path

from erde_core.errors import ErdeError

POLL_SECONDS = 2.0
# By this process, for its life: {name: descriptors of the locks}.
_claimed: dict[str, list[int]] = {}


def claim_folder() -> Path:
    """Where this user's claims on this machine lie.

    Everybody may write to the temporary folder, so a link that lies there is not followed.

    Raises:
        OSError: somebody else made it first, or others may write to it.
    """
    folder = Path(tempfile.gettempdir(), f"erde-gpus-{os.getuid()}")
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(f"{folder} must be a folder, got {stat.filemode(found.st_mode)}; remove it")
    if found.st_uid != os.getuid():
        raise OSError(f"{folder} must belong to user {os.getuid()}, got {found.st_uid}")
    if found.st_mode & 0o022:
        raise OSError(
            f"{folder} must be writable for its owner alone, got {stat.filemode(found.st_mode)}"
        )
    return folder


def claim_gpus(names: Sequence[str], count: int, say: Callable[[str], None]) -> list[int]:
    """Wait until ``count`` of the GPUs are free and take them; what is taken already is kept.

    Args:
        names: of the visible GPUs, the same in every process that sees them (UUIDs).
        count: how many; all at once or none, so that two jobs cannot hold each other up.
        say: is told once, if this one has to wait.

    Returns:
        Their positions in ``names``, ascending.

    Raises:
        ValueError: ``count`` is more than there are.
    """
    if count > len(names):
        raise ErdeError(f"GPUs of one job must be at most the {len(names)} visible, got {count}")
    folder = claim_folder()
    what = f"no {count} of the {len(names)} visible GPUs is free of your other jobs"
    _wait(lambda: _try(folder, names, count), what, say)
    return [position for position, name in enumerate(names) if name in _claimed][:count]


def claim_share(names: Sequence[str], places: int, say: Callable[[str], None]) -> int:
    """Wait until fewer than ``places`` others share one of the GPUs, and share it; the emptiest.

    Args:
        names, say: as for :func:`claim_gpus`.
        places: how many may share a GPU.

    Returns:
        Its position in ``names``.
    """
    folder = claim_folder()
    what = f"no place, of {places} on each of the {len(names)} visible GPUs, is free"
    _wait(lambda: _try_share(folder, names, places), what, say)
    return next(position for position, name in enumerate(names) if name in _claimed)


def _wait(attempt: Callable[[], bool], what: str, say: Callable[[str], None]) -> None:
    """Until ``attempt`` succeeds; ``what`` is said once, if that takes more than one."""
    waits = False
    while not attempt():
        if not waits:
            say(f"waiting: {what}")
            waits = True
        time.sleep(POLL_SECONDS)


def visible_gpus() -> int:
    """How many GPUs a program here could use, for who shares them out before any starts.

    As CUDA reads ``CUDA_VISIBLE_DEVICES``: up to the first entry that names no GPU, and of parts of
    GPUs (MIG) one, for no program sees two of them
    (https://docs.nvidia.com/datacenter/tesla/mig-user-guide).
    """
    listed, there = os.environ.get("CUDA_VISIBLE_DEVICES"), _installed_gpus()
    if listed is None:
        return there or 0
    names = (name.strip() for name in listed.split(","))
    named = list(takewhile(lambda name: _names_gpu(name, there), names))
    parts = sum(name.startswith("MIG-") for name in named)
    return len(named) - max(0, parts - 1)


def _names_gpu(name: str, there: int | None) -> bool:
    if name.isdecimal():
        return there is None or int(name) < there
    return name.startswith(("GPU-", "MIG-"))


def _installed_gpus() -> int | None:
    """As the driver's own command says; None where there is no such command."""
    if not shutil.which("nvidia-smi"):
        return None
    found = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
    return sum(line.startswith("GPU ") for line in found.stdout.splitlines())


def _try(folder: Path, names: Sequence[str], count: int) -> bool:
    taken: dict[str, int] = {}
    for name in names:
        if len(taken) + sum(name in _claimed for name in names) >= count:
            break
        descriptor = None if name in _claimed else _lock(folder / _file_name(name))
        if descriptor is not None:
            taken[name] = descriptor
    if len(taken) + sum(name in _claimed for name in names) < count:
        for descriptor in taken.values():
            os.close(descriptor)
        return False
    _claimed.update({name: [descriptor] for name, descriptor in taken.items()})
    return True


def _try_share(folder: Path, names: Sequence[str], places: int) -> bool:
    if any(name in _claimed for name in names):
        return True
    for place in range(places):  # the first place of every GPU before the second of any
        for name in names:
            whole = folder / _file_name(name)
            shared = _lock(whole, fcntl.LOCK_SH)
            if shared is None:
                continue
            own = _lock(whole.with_name(f"{whole.name}.{place}"))
            if own is not None:
                _claimed[name] = [shared, own]
                return True
            os.close(shared)
    return False


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)


def _lock(path: Path, kind: int = fcntl.LOCK_EX) -> int | None:
    """The descriptor that holds the lock; None if another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
