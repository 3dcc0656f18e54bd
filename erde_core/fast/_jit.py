"""How everything here is compiled: the one place that spells Numba's options.

fastmath is off, because -inf and NaN have a meaning here. The cache on disk is off, because many
jobs that start at once would write to it at the same time.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

options: dict[str, Any] = {"nogil": True, "cache": False, "fastmath": False, "error_model": "numpy"}


def serial(function: Function) -> Function:
    """Compiles a function for one thread."""
    return cast(Function, njit(**options)(function))


def inlined(function: Function) -> Function:
    """Compiles a function into its callers; a call would cost a tenth of the time of a row."""
    return cast(Function, njit(inline="always", **options)(function))


class _Threads:
    """Whether Numba has started threads in this process, or in the one it was forked from."""

    started = lost = False

    @classmethod
    def after_fork(cls) -> None:
        """A forked process has the memory of its parent, but not the parent's threads."""
        cls.lost = cls.lost or cls.started


os.register_at_fork(after_in_child=_Threads.after_fork)


class threaded:  # noqa: N801 -- used as the decorators above are
    """Compiles a function whose ``prange`` is shared among threads.

    A process that is forked after the first call (by a pool of ``multiprocessing``) has no such
    threads, and Numba would wait for them for ever. In such a process the same code runs in one
    thread. The results are equal, because no kernel here sums over threads.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._parallel, self._serial = njit(parallel=True, **options)(function), serial(function)

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401 -- as the compiled function
        if _Threads.lost:
            return self._serial(*arguments)
        _Threads.started = True
        return self._parallel(*arguments)

    @property
    def signatures(self) -> list[Any]:
        """The signatures of the versions that were compiled for threads."""
        return list(self._parallel.signatures)
