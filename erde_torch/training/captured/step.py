"""The step as one CUDA graph, which is believed once it gives the bits of the uncaptured step.

A graph replays the kernels of one step on the memory that they were captured with: what the host
did in between is not done again, and a number that it had is the same in every replay. So all that
changes comes from buffers of fixed place, and on the device itself the first replays are held to
the uncaptured step, bit for bit, as is the last one of each epoch. How PyTorch captures a whole
network: https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture
"""

import math
from collections.abc import Callable

from torch import Tensor

from erde_torch.device import room_named
from erde_torch.training.batches import Batch
from erde_torch.training.captured.content import content_of, copied, put_back
from erde_torch.training.captured.difference import Difference, first_difference
from erde_torch.training.captured.graph import Graph, captured
from erde_torch.training.captured.recorder import GraphError, Recorder, repeatable_kernels
from erde_torch.training.optimisation.losses import Losses
from erde_torch.training.optimisation.step import Moment, Step

_CHECKED = 3  # first replays that are held to the uncaptured step
_REPEATS = 8  # uncaptured steps, all alike, before a replay that differs is held against the graph


class CapturedStep:
    """Steps by a captured graph; by ``step`` itself where its replays give other bits.

    Args:
        step: takes one step uncaptured.
        recorder: captures it.
        say: tells the person who watches.
    """

    def __init__(self, step: Step, recorder: Recorder, say: Callable[[str], None]) -> None:
        self._step, self._recorder, self._say = step, recorder, say
        self._graph: Graph | None = None
        self._begun = self._given_up = False
        self._agreed: list[int] = []  # numbers of the steps in which both gave the same bits

    def take(self, batch: Batch, moment: Moment, losses: Losses, signal: int) -> int:
        """See :class:`erde_torch.training.optimisation.step.Steps`.

        Raises:
            GraphError: the step cannot be captured, or its replays have gone wrong meanwhile.
            NoRoomError: a GPU has no room for a step that is captured.
        """
        with repeatable_kernels():
            return self._take(batch, moment, losses, signal)

    def _take(self, batch: Batch, moment: Moment, losses: Losses, signal: int) -> int:
        # The first step makes what the optimiser remembers; a graph must find it in its place.
        if self._given_up or not self._begun:
            self._begun = True
            return self._step.take(batch, moment, losses, signal)
        # A graph keeps the memory of its step beside that of the uncaptured one.
        with room_named("train.batch_size", "set train.graph to false"):
            return self._take_captured(batch, moment, losses, signal)

    def _take_captured(self, batch: Batch, moment: Moment, losses: Losses, signal: int) -> int:
        if self._graph is None:
            self._graph = captured(self._step, self._recorder, batch, moment)
        if not self._graph.fits(batch):
            return self._step.take(batch, moment, losses, signal)
        if len(self._agreed) < _CHECKED or moment.last:
            return self._checked(self._graph, batch, moment, losses, signal)
        self._graph.replay(batch, moment)
        return losses.take(self._graph.loss, signal)

    def _checked(
        self, graph: Graph, batch: Batch, moment: Moment, losses: Losses, signal: int
    ) -> int:
        """Take the step both ways from the same state, which then is that of one step."""
        state = self._step.state
        before = copied(content_of(state, graph.loss))
        self._step.begin(moment)
        told = self._step.move(batch, lambda loss: _noted(graph, loss, losses, signal))
        wanted = copied(content_of(state, graph.loss))
        put_back(state, before)
        graph.loss.fill_(math.nan)  # a replay must bring its own
        graph.replay(batch, moment)
        found = first_difference(content_of(state, graph.loss), wanted)
        if found is None:
            self._agree(moment)
            return told
        chance = self._chance(graph, batch, moment, before, wanted)
        put_back(state, wanted)
        self._disagree(moment, found, chance)
        return told

    def _chance(
        self,
        graph: Graph,
        batch: Batch,
        moment: Moment,
        before: dict[str, Tensor],
        wanted: dict[str, Tensor],
    ) -> Difference | None:
        """Where the uncaptured step, taken again from ``before``, differs from its own ``wanted``.

        Sums in an order of chance often come out alike, so one repeat would not do.
        """
        state = self._step.state
        for _ in range(_REPEATS):
            put_back(state, before)
            self._step.begin(moment)
            self._step.move(batch, graph.note)
            found = first_difference(content_of(state, graph.loss), wanted)
            if found is not None:
                return found
        return None

    def _agree(self, moment: Moment) -> None:
        self._agreed.append(moment.number)
        if len(self._agreed) == _CHECKED:
            self._say(f"the captured step gave the uncaptured one's bits {_CHECKED} times: in use")

    def _disagree(self, moment: Moment, found: Difference, chance: Difference | None) -> None:
        """Go on uncaptured, which is right in any case; refuse where earlier steps are in doubt."""
        step = moment.number + 1
        if chance is not None:
            text = f"train.graph is not used: the uncaptured step {step} does not give the same"
            self._say(f"{text} bits each time on this device ({chance})")
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


def _noted(graph: Graph, loss: Tensor, losses: Losses, signal: int) -> int:
    graph.loss.copy_(loss.detach())
    return losses.take(loss, signal)
