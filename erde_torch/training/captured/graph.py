"""A step that is captured: the buffers that it reads, and the replays."""

import dataclasses
import math

import torch
from torch import Tensor

from erde_torch.training.batches import Batch
from erde_torch.training.captured.content import content_of, copied, put_back
from erde_torch.training.captured.recorder import GraphError, Recorder, Work
from erde_torch.training.optimisation.optimiser import bad_loss, set_learning_rate
from erde_torch.training.optimisation.step import Moment, Step

_WARM_UPS = 3  # steps in which libraries choose their kernels, which they must not while captured


class Graph:
    """A captured step: the buffers that it reads, its loss, and what replays it.

    What is not copied into a buffer is found, for the buffers begin as NaN or 0.
    """

    def __init__(self, step: Step, batch: Batch) -> None:
        self._step, device = step, batch.labels.device
        buffers = {name: _empty(t) for name, t in _tensors(batch).items()}
        self._batch = dataclasses.replace(batch, **buffers)
        self._rate = torch.full((), math.nan, device=device)
        self.loss = torch.full((), math.nan, dtype=torch.float64, device=device)
        self._replay: Work = self.work  # until it is captured

    def fits(self, batch: Batch) -> bool:
        """Whether ``batch`` has the shapes that were captured; a copy would stretch others."""
        return _kinds(batch) == _kinds(self._batch)

    def fill(self, batch: Batch, moment: Moment) -> None:
        """Bring what the step reads into its place, without a wait for the device."""
        given = _tensors(batch)
        for name, buffer in _tensors(self._batch).items():
            buffer.copy_(given[name])
        self._rate.fill_(moment.rate)
        self._step.draw(moment.number)

    def work(self) -> None:
        """The step, on the buffers."""
        set_learning_rate(self._step.state.optimiser, self._rate)
        self._step.move(self._batch, self.note)

    def note(self, loss: Tensor) -> None:
        """Keep ``loss``; one that is no number keeps the weights as they are, without the host."""
        self.loss.copy_(loss.detach())
        bad_loss(self._step.state.optimiser).logical_or_(~self.loss.isfinite())

    def record(self, recorder: Recorder) -> None:
        """Capture :meth:`work`."""
        groups = self._step.state.optimiser.param_groups
        for group in groups:  # AdamW asks for the word, though fused it does the same without
            group["capturable"] = True
        self._replay = recorder.record(self.work)
        for group in groups:
            group["capturable"] = False

    def replay(self, batch: Batch, moment: Moment) -> None:
        """Take the step of ``moment`` with ``batch``."""
        self.fill(batch, moment)
        self._replay()
        self._step.state.count_replay()


def captured(step: Step, recorder: Recorder, batch: Batch, moment: Moment) -> Graph:
    """The graph of ``step``; the state is then as it was.

    Args:
        step: has been taken before, so that its optimiser has all its memory.
        recorder: captures it.
        batch, moment: of the next step, with which libraries warm up.

    Raises:
        GraphError: it cannot be captured.
        OutOfMemoryError: PyTorch's own.
    """
    graph = Graph(step, batch)
    before = copied(content_of(step.state, graph.loss))

    def warm_up() -> None:
        for _ in range(_WARM_UPS):
            graph.fill(batch, moment)
            graph.work()

    recorder.aside(warm_up)
    try:
        graph.record(recorder)
    except RuntimeError as error:
        cause = _first_cause(error)
        if isinstance(cause, torch.OutOfMemoryError):
            raise cause from None
        # After a broken capture nothing that PyTorch says of the device can be relied upon.
        raise GraphError(
            f"train.graph must be false for this training, whose step cannot be captured: "
            f"{_first_line(cause)}"
        ) from error
    put_back(step.state, before)
    return graph


def _first_cause(error: BaseException) -> BaseException:
    """The end of a capture fails too, and hides it."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _tensors(batch: Batch) -> dict[str, Tensor]:
    held = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
    return {name: tensor for name, tensor in held.items() if tensor is not None}


def _kinds(batch: Batch) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (t.shape, t.dtype) for name, t in _tensors(batch).items()}


def _empty(like: Tensor) -> Tensor:
    return torch.empty_like(like).fill_(math.nan if like.is_floating_point() else 0)
