"""A CUDA graph that is none: the operations of a captured block, done again on the same tensors.

As on a GPU, nothing of a captured block has happened when it ends, what Python does between its
operations is not done again, numbers that Python handed to them stay as they were, and the
generator is that of the moment of the replay.
"""

import contextlib
import threading

import torch
from torch.utils._pytree import tree_leaves

CAPTURE = threading.local()  # ``tape``: of the capture that this thread is in


class Tape:
    """The operations of one capture."""

    def __init__(self):
        self._noted, self._overwritten = [], {}

    def do(self, act, args, kwargs, schema):
        """Do ``act`` to see what it gives, and note it; what it writes to is kept."""
        for tensor in _written(schema, args, kwargs):
            if (
                id(tensor) not in self._overwritten
            ):  # which holds it, so that the number stays its own
                self._overwritten[id(tensor)] = tensor, tensor.clone()
        out = act(*args, **kwargs)
        self._noted.append((act, args, kwargs, out))
        return out

    def undo(self):
        """Put back what was written to."""
        for tensor, before in reversed(self._overwritten.values()):
            tensor.copy_(before)
        self._overwritten.clear()

    def replay(self):
        """Do it all once more, into the tensors that came out the first time."""
        for act, args, kwargs, out in self._noted:
            found = act(*args, **kwargs)
            for old, new in zip(tree_leaves(out), tree_leaves(found), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def _written(schema, args, kwargs):
    for index, argument in enumerate(schema.arguments if schema else ()):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[index] if index < len(args) else kwargs.get(argument.name)
            yield from (t for t in tree_leaves(value) if isinstance(t, torch.Tensor))


class PretendedGraph:
    """``torch.cuda.CUDAGraph``."""

    def __init__(self):
        self.tape = None

    def replay(self):
        with torch.no_grad():
            self.tape.replay()


class PretendedStream:
    """``torch.cuda.Stream``: everything is done in its order here."""

    def wait_stream(self, other):
        pass


@contextlib.contextmanager
def captured(graph, capture_error_mode="global"):
    """``torch.cuda.graph``."""
    from tests.gpu_rehearsal.pretended_gpu import GENERATOR

    tape, generator = Tape(), GENERATOR.get_state()
    CAPTURE.tape = tape
    try:
        yield
    finally:
        CAPTURE.tape = None
        with torch.no_grad():
            tape.undo()
        GENERATOR.set_state(generator)
    graph.tape = tape
