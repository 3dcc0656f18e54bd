"""How everything here is compiled: the one place that spells Numba's options.

No fastmath: -inf and NaN mean something. No cache on disk: it races when many jobs start at once.
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
    """Where LLVM by itself would make a call, which costs a tenth of a row's time."""
    return cast(Function, njit(inline="always", **options)(function))


class _Threads:
    """Whether Numba's threads run in this process, or ran in the one that it was forked from."""

    started = lost = False

    @classmethod
    def after_fork(cls) -> None:
        """A forked process has the memory of its parent and none of its threads."""
        cls.lost = cls.lost or cls.started


os.register_at_fork(after_in_child=_Threads.after_fork)


class threaded:  # noqa: N801 -- used as the decorators above are
    """Compiles a function whose ``prange`` is shared among threads.

    In a process that was forked after the first call, Numba would wait for ever for threads that
    are not there (a pool of ``multiprocessing`` that forks). There the same code runs in one
    thread, with equal results: no kernel here sums over threads.
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
        """Of the versions that were compiled for threads."""
        return list(self._parallel.signatures)
