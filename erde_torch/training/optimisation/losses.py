"""The losses of the steps: added up, and the first that is no number keeps the weights as they are.

On a CPU each loss is read before its step. On a GPU that would let the host wait in every step for
all that is queued: there the losses stay, the optimiser itself skips what follows the first bad
one, and the host reads them all at once.
"""

from collections.abc import Callable
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor

from erde_core.errors import ErdeError
from erde_torch.training.batches import Batch
from erde_torch.training.interrupt import STOPS
from erde_torch.training.optimisation.optimiser import bad_loss
from erde_torch.training.processes import Processes
from erde_torch.training.shelf import Position

_LOOK_STEPS = 16  # several processes on GPUs hear of a stop so often, and as an epoch ends
# Of a step of the epoch (0, 1, …): its learning rate, logits and batch, made once more.
Redraw = Callable[[int], tuple[float, Tensor, Batch]]


class NonFiniteLossError(ErdeError, RuntimeError):
    """The loss of a batch is NaN or infinite; the weights are those before it."""


class Losses(Protocol):
    """What a training does with the loss of each step."""

    def take(self, loss: Tensor, signal: int) -> int:
        """Note the ``loss`` of the next step before its backward pass.

        Args:
            loss: a scalar.
            signal: by which this process was asked to stop; 0 for none.

        Returns:
            The signal by which all processes are to stop after this step, as far as is known.

        Raises:
            NonFiniteLossError: as :meth:`settle`.
            SystemExit: as :meth:`settle`.
        """
        ...

    def settle(self) -> bool:
        """Bring ``position.loss_sum`` up to date; whether it could be, and a save may follow.

        Raises:
            NonFiniteLossError: a loss of this process is no number; the message has epoch, step and
                the statistics of its batch.
            SystemExit: that of another one is none.
        """
        ...


def losses_of_epoch(
    device: torch.device,
    optimiser: torch.optim.Optimizer,
    processes: Processes,
    position: Position,
    steps: int,
    redraw: Redraw,
) -> Losses:
    """For the epoch that ``position`` stands in, which has ``steps`` steps."""
    if device.type != "cuda":
        return ReadLosses(processes, position, redraw)
    return KeptLosses(device, optimiser, processes, position, steps, redraw)


class ReadLosses:
    """Each loss is read, and told to the other processes, before its step."""

    def __init__(self, processes: Processes, position: Position, redraw: Redraw) -> None:
        self._processes, self._position, self._redraw = processes, position, redraw

    def take(self, loss: Tensor, signal: int) -> int:
        """See :class:`Losses`."""
        told = self._processes.gather(loss.item(), signal)
        losses, signals = zip(*told, strict=True)
        mean = sum(losses) / len(losses)
        if mean - mean != 0:
            place = self._position.step
            _refuse(losses[self._processes.rank], place, self._position, self._redraw)
        self._position.loss_sum += mean
        return int(max(signals))

    def settle(self) -> bool:
        """Nothing is left to read."""
        return True


class KeptLosses:
    """The losses of an epoch in a table on the device, which is read at its end and before saves.

    ``optimiser`` must be fused: from the first bad loss on its :func:`bad_loss` is 1, and its
    kernels change nothing. Several processes add their losses up there, so that all skip the same
    steps.
    """

    def __init__(
        self,
        device: torch.device,
        optimiser: torch.optim.Optimizer,
        processes: Processes,
        position: Position,
        steps: int,
        redraw: Redraw,
    ) -> None:
        self._processes, self._position, self._redraw = processes, position, redraw
        # The loss of this process, the sum of all, and how many were asked to stop by each signal.
        self._table = torch.zeros(steps, 2 + len(STOPS), dtype=torch.float64, device=device)
        self._bad = bad_loss(optimiser)
        self._next = self._read = position.step

    @torch.no_grad()
    def take(self, loss: Tensor, signal: int) -> int:
        """See :class:`Losses`."""
        row = self._table[self._next]
        row[:2].copy_(loss.expand(2))
        if self._processes.count > 1:
            if signal:
                row[2 + STOPS.index(signal)].fill_(1)
            dist.all_reduce(row[1:])
        self._bad.logical_or_(~row[1].isfinite())
        self._next += 1
        due = self._next % _LOOK_STEPS == 0 or self._next == len(self._table)
        return self._look() if due and self._processes.count > 1 else 0

    def settle(self) -> bool:
        """See :class:`Losses`; several processes can only do it together."""
        last = self._next == len(self._table)
        if self._processes.count == 1 or last:
            self._look()
        return self._read == self._next

    def _look(self) -> int:
        """Read what was not read yet; the signal among it."""
        rows = self._table[self._read : self._next].tolist()
        for place, (own, total, *_) in enumerate(rows, self._read):
            if total - total != 0:
                _refuse(own, place, self._position, self._redraw)
            self._position.loss_sum += total / self._processes.count
        self._read = self._next
        asked = [max(column) for column in list(zip(*rows, strict=True))[2:]]
        return max((int(n) for n, found in zip(STOPS, asked, strict=False) if found), default=0)


def _refuse(value: float, step: int, position: Position, redraw: Redraw) -> None:
    if value - value == 0:  # another process has the bad one, and says so
        raise SystemExit(1)
    rate, logits, batch = redraw(step)
    parts = {"images": batch.images, "logits": logits, "teacher logits": batch.teacher}
    statistics = "; ".join(_statistics(name, t) for name, t in parts.items() if t is not None)
    raise NonFiniteLossError(
        f"loss must be finite, got {value} in epoch {position.epoch + 1}, step {step + 1}"
        f" (learning rate {rate:.4g}; {statistics}); the last checkpoint is kept"
    )


def _statistics(name: str, values: Tensor) -> str:
    values = values.detach().float()
    bad = (~values.isfinite()).sum().item()
    low, high = values.min().item(), values.max().item()
    return (
        f"{name}: min {low:.4g}, mean {values.mean().item():.4g}, max {high:.4g}, {bad} not finite"
    )
