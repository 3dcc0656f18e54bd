"""Work in a process of its own: after a broken capture nothing on a GPU can be relied upon."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from erde_torch.device import set_threads

Result = TypeVar("Result")


class ApartError(RuntimeError):
    """The process failed; one sentence says how."""


def apart(threads: int, work: Callable[..., Result], *given: object) -> Result:
    """What ``work(*given)`` gives, by another process with so many threads; both travel pickled.

    Raises:
        ApartError: it raised something, or ended without a word.
    """
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    ours, theirs = context.Pipe()
    process = context.Process(target=_worked, args=(theirs, threads, work, given), daemon=True)
    process.start()
    theirs.close()  # or its end would not be heard here
    try:
        failed, found = ours.recv()
    except EOFError:
        process.join()
        raise ApartError(f"ended with exit code {process.exitcode}") from None
    process.join()
    if failed:
        raise ApartError(found)
    return found  # type: ignore[no-any-return]  # pickled


def _worked(pipe: Connection, threads: int, work: Callable[..., Any], given: Any) -> None:
    set_threads(threads)
    try:
        pipe.send((False, work(*given)))
    except Exception as error:
        pipe.send((True, one_line(error)))


def one_line(error: Exception) -> str:
    """Its kind, and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
