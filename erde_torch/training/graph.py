"""The step as one CUDA graph, which is believed once it gives the bits of the uncaptured step.

A graph replays the kernels of one step on the memory that they were captured with: what the host
did in between is not done again, and a number that it had is the same in every replay. So all that
changes comes from buffers of fixed place, and on the device itself the first replays are held to
the uncaptured step, bit for bit, as is the last one of each epoch. How PyTorch captures a whole
network: https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from erde_core.errors import ErdeError
from erde_torch.training.batches import Batch
from erde_torch.training.checkpoint import TrainingState
from erde_torch.training.difference import Difference, first_difference
from erde_torch.training.optimisation.losses import Losses
from erde_torch.training.optimisation.optimiser import bad_loss, set_learning_rate
from erde_torch.training.optimisation.step import Moment, Step

_WARM_UPS = 3  # steps in which libraries choose their kernels, which they must not while captured
_CHECKED = 3  # first replays that are held to the uncaptured step
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


class CapturedStep:
    """Steps by a captured graph; by ``step`` itself where its replays give other bits.

    Args:
        step: takes one step uncaptured.
        recorder: captures it.
        say: tells the person who watches.
    """

    def __init__(self, step: Step, recorder: Recorder, say: Callable[[str], None]) -> None:
        self._step, self._recorder, self._say = step, recorder, say
        self._graph: _Graph | None = None
        self._begun = self._given_up = False
        self._agreed: list[int] = []  # numbers of the steps in which both gave the same bits

    def take(self, batch: Batch, moment: Moment, losses: Losses, signal: int) -> int:
        """See :class:`erde_torch.training.optimisation.step.Steps`.

        Raises:
            GraphError: the step cannot be captured, or its replays have gone wrong meanwhile.
        """
        # The first step makes what the optimiser remembers; a graph must find it in its place.
        if self._given_up or not self._begun:
            self._begun = True
            return self._step.take(batch, moment, losses, signal)
        if self._graph is None:
            self._graph = _captured(self._step, self._recorder, batch, moment)
        if not self._graph.fits(batch):
            return self._step.take(batch, moment, losses, signal)
        if len(self._agreed) < _CHECKED or moment.last:
            return self._checked(self._graph, batch, moment, losses, signal)
        self._graph.replay(batch, moment)
        return losses.take(self._graph.loss, signal)

    def _checked(
        self, graph: "_Graph", batch: Batch, moment: Moment, losses: Losses, signal: int
    ) -> int:
        """Take the step both ways from the same state, which then is that of one step."""
        state = self._step.state
        before = _copied(_content(state, graph.loss))
        self._step.begin(moment)
        told = self._step.move(batch, lambda loss: _noted(graph, loss, losses, signal))
        wanted = _copied(_content(state, graph.loss))
        _put_back(state, before)
        graph.replay(batch, moment)
        found = first_difference(_content(state, graph.loss), wanted)
        if found is None:
            self._agree(moment)
            return told
        _put_back(state, before)
        self._step.begin(moment)
        self._step.move(batch, graph.note)
        chance = first_difference(_content(state, graph.loss), wanted)
        _put_back(state, wanted)
        self._disagree(moment, found, chance)
        return told

    def _agree(self, moment: Moment) -> None:
        self._agreed.append(moment.number)
        if len(self._agreed) == _CHECKED:
            self._say(f"the captured step gave the uncaptured one's bits {_CHECKED} times: in use")

    def _disagree(self, moment: Moment, found: Difference, chance: Difference | None) -> None:
        """Go on uncaptured, which is right in any case; refuse where earlier steps are in doubt."""
        step = moment.number + 1
        if chance is not None:
            text = f"train.graph is not used: the uncaptured step {step} gives other bits each time"
            self._say(f"{text} on this device ({chance})")
        elif len(self._agreed) < _CHECKED:
            text = "train.graph is not used: the captured step differs from the uncaptured one"
            self._say(f"{text} in step {step} ({found})")
        else:
            raise GraphError(
                f"train.graph must give the uncaptured step's bits, got others in step {step} "
                f"({found}) after {self._agreed[-1] + 1}, where they last agreed: remove the "
                "checkpoint, and set it to false"
            )
        self._given_up, self._graph = True, None


class _Graph:
    """A captured step: the buffers that it reads, its loss, and what replays it.

    What is not copied into a buffer is found, for the buffers begin as NaN or 0.
    """

    def __init__(self, step: Step, batch: Batch) -> None:
        self._step, device = step, batch.labels.device
        buffers = {name: _empty(t) for name, t in _tensors(batch).items()}
        self._batch = dataclasses.replace(batch, **buffers)
        self._rate = torch.full((), math.nan, device=device)
        self.loss = torch.full((), math.nan, dtype=torch.float64, device=device)
        self._replay: Work | None = None

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
        assert self._replay is not None
        self.fill(batch, moment)
        self._replay()
        self._step.state.count_replay()


def _captured(step: Step, recorder: Recorder, batch: Batch, moment: Moment) -> _Graph:
    """The graph of ``step``; the state is then as it was."""
    graph = _Graph(step, batch)
    before = _copied(_content(step.state, graph.loss))

    def warm_up() -> None:
        for _ in range(_WARM_UPS):
            graph.fill(batch, moment)
            graph.work()

    recorder.aside(warm_up)
    try:
        graph.record(recorder)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        # After a broken capture nothing that PyTorch says of the device can be relied upon.
        raise GraphError(
            f"train.graph must be false for this training, whose step cannot be captured: "
            f"{_first_cause(error)}"
        ) from error
    _put_back(step.state, before)
    return graph


def _first_cause(error: BaseException) -> str:
    """In one line; the end of a capture fails too, and hides it."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).strip().partition("\n")[0]


def _noted(graph: _Graph, loss: Tensor, losses: Losses, signal: int) -> int:
    graph.loss.copy_(loss.detach())
    return losses.take(loss, signal)


def _content(state: TrainingState, loss: Tensor) -> dict[str, Tensor]:
    """All that a step changes, by name: where it lies, not a copy."""
    return {"loss": loss, "bad loss": bad_loss(state.optimiser), **state.tensors()}


def _copied(content: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in content.items()}


def _put_back(state: TrainingState, content: dict[str, Tensor]) -> None:
    state.restore(content)
    bad_loss(state.optimiser).copy_(content["bad loss"])


def _tensors(batch: Batch) -> dict[str, Tensor]:
    held = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
    return {name: tensor for name, tensor in held.items() if tensor is not None}


def _kinds(batch: Batch) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (t.shape, t.dtype) for name, t in _tensors(batch).items()}


def _empty(like: Tensor) -> Tensor:
    return torch.empty_like(like).fill_(math.nan if like.is_floating_point() else 0)
