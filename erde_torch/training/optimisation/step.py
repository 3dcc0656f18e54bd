"""One step of training: what a batch does to the weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

from erde_torch.device import autocast
from erde_torch.training.batches import Batch
from erde_torch.training.checkpoint import TrainingState
from erde_torch.training.optimisation.gradient_scaling import GradientScaling
from erde_torch.training.optimisation.losses import Losses
from erde_torch.training.optimisation.optimiser import set_learning_rate

Objective = Callable[[Tensor, Batch], Tensor]
_Noted = TypeVar("_Noted")


@dataclass(frozen=True)
class Moment:
    """When a step is taken.

    Attributes:
        number: of the step in its training; 0 is the first.
        rate: its learning rate.
        last: whether its epoch ends with it.
    """

    number: int
    rate: float
    last: bool


class Steps(Protocol):
    """What takes the steps of a training."""

    def take(self, batch: Batch, moment: Moment, losses: Losses, signal: int) -> int:
        """Let ``batch`` move the weights.

        Args:
            batch, moment: of the step.
            losses: is told its loss.
            signal: by which this process was asked to stop; 0 for none.

        Returns:
            What :meth:`Losses.take` returns.

        Raises:
            NonFiniteLossError, SystemExit: as :meth:`Losses.take`.
        """
        ...


@dataclass(frozen=True)
class Step:
    """A step, operation by operation.

    Attributes:
        state: what it changes.
        forward: logits ``(B, E, C)`` of images.
        objective: the loss of float32 logits, a scalar.
        scaling: of the gradients.
        precision: of ``forward``, ``float32`` or ``bf16``.
        draw: sets the generators for the step of that number.
    """

    state: TrainingState
    forward: Callable[[Tensor], Tensor]
    objective: Objective
    scaling: GradientScaling
    precision: str
    draw: Callable[[int], None]

    def take(self, batch: Batch, moment: Moment, losses: Losses, signal: int) -> int:
        """See :class:`Steps`."""
        self.begin(moment)
        return self.move(batch, lambda loss: losses.take(loss, signal))

    def begin(self, moment: Moment) -> None:
        """Set what is another in each step: learning rate and generators."""
        set_learning_rate(self.state.optimiser, moment.rate)
        self.draw(moment.number)

    def move(self, batch: Batch, note: Callable[[Tensor], _Noted]) -> _Noted:
        """Move the weights; ``note`` is given the loss before the backward pass."""
        optimiser = self.state.optimiser
        with autocast(self.precision, batch.labels.device):
            logits = self.forward(batch.images)
        loss = self.objective(logits.float(), batch)
        noted = note(loss)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch has not typed it
        self.scaling.apply()
        optimiser.step()
        self.state.average()
        return noted
