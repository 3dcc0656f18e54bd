"""One training loop for teacher and student: pieces first, ``fit`` last."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from erde_core.errors import ErdeError
from erde_torch.device import autocast, on_device
from erde_torch.networks.answers import exit_accuracy
from erde_torch.training.batches import Batch, TrainingSet, Validation
from erde_torch.training.checkpoint import Checkpoint, TrainingState
from erde_torch.training.host import Host
from erde_torch.training.identity import Identity
from erde_torch.training.interrupt import Interrupted, StopRequest
from erde_torch.training.optimisation.gradient_scaling import GradientScaling
from erde_torch.training.optimisation.optimiser import (
    learning_rate,
    make_optimiser,
    set_learning_rate,
)
from erde_torch.training.settings import TrainSettings
from erde_torch.training.shelf import Position

Objective = Callable[[Tensor, Batch], Tensor]


class NonFiniteLossError(ErdeError, RuntimeError):
    """The loss of a batch is NaN or infinite; the weights are those before it."""


@dataclass(frozen=True)
class Run:
    """How a training is run, apart from what it learns.

    Attributes:
        train: the settings of the experiment file.
        seed: of initialisation, order, views and dropout.
        precision: ``float32`` or ``bf16``.
        identity: what the checkpoint must agree with.
        host: where it runs; its folder is locked already. Of the processes that share the work the
            first one saves, measures and speaks.
    """

    train: TrainSettings
    seed: int
    precision: str
    identity: Identity
    host: Host


def seed_step(seed: int, step: int, rank: int = 0) -> None:
    """Make dropout a pure function of (seed, step, rank): a resumed run draws the same."""
    place = (seed, step + 1, rank) if rank else (seed, step + 1)
    # Mixed, not shifted together: the CPU's generator reads the low 32 bits only.
    mixed = np.random.SeedSequence(place).generate_state(1, np.uint64)
    torch.manual_seed(int(mixed[0]))


def seed_initialisation(seed: int) -> None:
    """The same for the first weights."""
    seed_step(seed, -1)


def mean_loss(
    losses: Sequence[float],
    rank: int,
    logits: Tensor,
    batch: Batch,
    position: Position,
    rate: float,
) -> float:
    """The mean of the processes' ``losses``.

    Raises:
        NonFiniteLossError: the loss of this process, ``losses[rank]``, is no number; the message
            has epoch, step and the statistics of its batch.
        SystemExit: that of another one is none.
    """
    value, mean = losses[rank], sum(losses) / len(losses)
    if mean - mean == 0:
        return mean
    if value - value == 0:
        raise SystemExit(1)
    parts = {"images": batch.images, "logits": logits, "teacher logits": batch.teacher}
    statistics = "; ".join(_statistics(name, t) for name, t in parts.items() if t is not None)
    raise NonFiniteLossError(
        f"loss must be finite, got {value} in epoch {position.epoch + 1}, step {position.step + 1}"
        f" (learning rate {rate:.4g}; {statistics}); the last checkpoint is kept"
    )


def _statistics(name: str, values: Tensor) -> str:
    values = values.detach().float()
    bad = (~values.isfinite()).sum().item()
    low, high = values.min().item(), values.max().item()
    return (
        f"{name}: min {low:.4g}, mean {values.mean().item():.4g}, max {high:.4g}, {bad} not finite"
    )


def _report(position: Position, run: Run) -> None:
    """One line per epoch: loss, accuracy of each exit, time left."""
    row, epochs = position.history[-1], run.train.epochs
    exits = " ".join(f"{100 * row[k]:.1f}" for k in row if k.startswith("val_accuracy"))
    left = position.seconds / position.epoch * (epochs - position.epoch)
    run.host.say_progress(
        f"epoch {position.epoch}/{epochs} · loss {row['train_loss']:.3f} · "
        f"validation {exits} % · {row['seconds']:.1f} s",
        left,
    )


def fit(
    network: nn.Module, data: TrainingSet, validation: Validation, objective: Objective, run: Run
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train ``network`` in place, from its checkpoint if there is one.

    Returns:
        The network to use (the average of its weights, where the settings ask for one) and one
        row per epoch: learning rate, mean loss, validation accuracy per exit, seconds.

    Raises:
        NonFiniteLossError: before the step that would have spoilt the weights.
        Interrupted: after SIGTERM or SIGINT, with the checkpoint saved.
        CheckpointError: a checkpoint cannot be written.
    """
    network = on_device(network, data.labels.device)
    state = TrainingState(network, make_optimiser(network, run.train), run.train.ema_decay)
    checkpoint = Checkpoint(run.host, run.identity)
    position = checkpoint.resume(state, run.train.epochs, data.steps)
    if position.epoch == run.train.epochs:
        run.host.say("the training is already finished")
    elif position.epoch or position.step:
        run.host.say(f"resuming in epoch {position.epoch + 1}, step {position.step + 1}")
    parallel = run.host.processes.parallel(network)
    forward = torch.compile(parallel) if run.train.compile else parallel
    with StopRequest(patient=run.host.processes.count > 1) as stop:
        while position.epoch < run.train.epochs:
            started = time.monotonic()
            train_epoch(forward, state, data, objective, run, position, checkpoint, stop)
            accuracy = _accuracy(state, validation, run)
            _close_epoch(position, run, data.steps, accuracy, time.monotonic() - started)
            _report(position, run)
        if run.host.processes.first:
            checkpoint.save(state, position)
    return state.averaged, position.history


def train_epoch(
    forward: Callable[[Tensor], Tensor],
    state: TrainingState,
    data: TrainingSet,
    objective: Objective,
    run: Run,
    position: Position,
    checkpoint: Checkpoint,
    stop: StopRequest,
) -> None:
    """Train from ``position`` to the end of its epoch."""
    processes = run.host.processes
    scaling = GradientScaling(state.network, run.train.gradient_scaling)
    state.network.train()
    for batch in data.epoch(run.seed, position.epoch, position.step):
        step = position.epoch * data.steps + position.step
        rate = learning_rate(run.train, step, run.train.epochs * data.steps)
        set_learning_rate(state.optimiser, rate)
        seed_step(run.seed, step, processes.rank)
        with autocast(run.precision, data.labels.device):
            logits = forward(batch.images)
        loss = objective(logits.float(), batch)
        told = processes.gather(loss.item(), stop.signal or 0)
        losses, stops = zip(*told, strict=True)
        position.loss_sum += mean_loss(losses, processes.rank, logits, batch, position, rate)
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch has not typed it
        scaling.apply()
        state.optimiser.step()
        state.average()
        position.step += 1
        # Of several processes all stop after the same step, so none may look again here.
        asked = int(max(stops)) if processes.count > 1 else int(stop.signal or 0)
        if processes.first and (asked or checkpoint.is_due()):
            checkpoint.save(state, position)
        if asked:
            processes.wait()  # the first exit ends all processes
            run.host.say(f"stopped by {signal.Signals(asked).name}; the checkpoint is saved")
            raise Interrupted(128 + asked)


def _accuracy(state: TrainingState, validation: Validation, run: Run) -> list[float]:
    """Of each exit, for the first process; the others go on and wait at the next step."""
    if not run.host.processes.first:
        return []
    return exit_accuracy(state.averaged, validation.images, validation.labels, run.precision)


def _close_epoch(
    position: Position, run: Run, steps: int, accuracy: list[float], seconds: float
) -> None:
    # Not taken from the last step: a training that resumes at the end of an epoch takes none.
    last = (position.epoch + 1) * steps - 1
    rate = learning_rate(run.train, last, run.train.epochs * steps)
    row = {"epoch": position.epoch + 1, "learning_rate": rate}
    row["train_loss"] = position.loss_sum / steps
    row |= {f"val_accuracy_exit{e}": a for e, a in enumerate(accuracy)}
    position.history.append(row | {"seconds": round(seconds, 3)})
    position.seconds += seconds
    position.epoch, position.step, position.loss_sum = position.epoch + 1, 0, 0.0
