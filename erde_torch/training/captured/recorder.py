"""What captures work on a device, and what must hold while it is checked."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Protocol

import torch

from erde_core.errors import ErdeError

Work = Callable[[], None]


class GraphError(ErdeError, RuntimeError):
    """The step cannot be captured, or replays that agreed with it no longer do."""


class Recorder(Protocol):
    """What captures work on a device."""

    def aside(self, work: Work) -> None:
        """Do ``work`` where a capture may follow: beside what is queued, and in its order."""
        ...

    def record(self, work: Work) -> Work:
        """Capture ``work`` without doing it.

        Returns:
            What does it, each time that it is called, on the same memory.

        Raises:
            RuntimeError: it cannot be captured.
        """
        ...


class CudaRecorder:
    """On the current GPU."""

    def aside(self, work: Work) -> None:
        """See :class:`Recorder`."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # PyTorch has not typed it
        current = torch.cuda.current_stream()
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            work()
        current.wait_stream(stream)

    def record(self, work: Work) -> Work:
        """See :class:`Recorder`."""
        graph = torch.cuda.CUDAGraph()
        # Another thread reads the next batch meanwhile: it may pin memory, which the default mode
        # forbids to all threads.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            work()
        return graph.replay


@contextlib.contextmanager
def repeatable_kernels() -> Iterator[None]:
    """While the block runs, cuDNN passes over kernels that add up in an order of chance.

    With them no two steps would agree, however right the graph is. Where it would have chosen none
    of them, its choice is the same.
    """
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before
