"""One training loop for teacher and student: pieces first, ``fit`` last."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from erde_core.errors import ErdeError
from erde_torch.device import autocast, on_device, room_named, set_threads
from erde_torch.memory_order import in_order, order_of_training
from erde_torch.networks.answers import exit_accuracy
from erde_torch.training.batches import Batch, TrainingSet, Validation
from erde_torch.training.captured.recorder import CudaRecorder
from erde_torch.training.captured.step import CapturedStep
from erde_torch.training.checkpoint import Checkpoint, TrainingState
from erde_torch.training.host import Host
from erde_torch.training.identity import Identity
from erde_torch.training.interrupt import Interrupted, StopRequest
from erde_torch.training.optimisation.gradient_scaling import GradientScaling
from erde_torch.training.optimisation.losses import losses_of_epoch
from erde_torch.training.optimisation.optimiser import learning_rate, make_optimiser
from erde_torch.training.optimisation.step import Moment, Objective, Step, Steps
from erde_torch.training.settings import TrainSettings
from erde_torch.training.shelf import Position

CPU = torch.device("cpu")


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
        capturable: whether all that a step does is PyTorch's, as a CUDA graph asks.
        learning: of each exit, whether the objective reads it; None where it reads all.
    """

    train: TrainSettings
    seed: int
    precision: str
    identity: Identity
    host: Host
    capturable: bool = True
    learning: Sequence[bool] | None = None


def seed_step(seed: int, step: int, rank: int = 0, device: torch.device = CPU) -> None:
    """Make dropout a pure function of (seed, step, rank): a resumed run draws the same.

    The generators of the CPU and of ``device`` are set, those of other GPUs are left alone.
    """
    place = (seed, step + 1, rank) if rank else (seed, step + 1)
    # Mixed, not shifted together: the CPU's generator reads the low 32 bits only.
    mixed = int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0])
    torch.default_generator.manual_seed(mixed)
    if device.type == "cuda":
        number = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[number].manual_seed(mixed)


def seed_initialisation(seed: int) -> None:
    """The same for the first weights."""
    seed_step(seed, -1)


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
        NonFiniteLossError: the loss of a step is no number; the weights are those before it.
        Interrupted: after SIGTERM or SIGINT, with the checkpoint saved.
        CheckpointError: a checkpoint cannot be written.
        NoRoomError: a batch does not fit the GPU's memory.
        ErdeError: the step is to be captured, and that does not go with the rest of ``run``; or
            there are too few steps for an average of the weights.
        GraphError: the step cannot be captured, or its replays have gone wrong.
    """
    device = data.labels.device
    is_captured(run, device)  # what is refused is refused before anything is touched
    run.train.check_average(data.steps, "train.")
    network = on_device(network, device)
    state = _state(network, run.train)
    checkpoint = Checkpoint(run.host, run.identity)
    position = checkpoint.resume(state, run.train.epochs, data.steps)
    if position.epoch == run.train.epochs:
        run.host.say("the training is already finished")
    elif position.epoch or position.step:
        run.host.say(f"resuming in epoch {position.epoch + 1}, step {position.step + 1}")
    _keep_threads(position, run.host)
    # Not earlier: the order depends on the threads, and a resumed training has its own again.
    order = order_of_training(network, (data.images.height, data.images.width), device)
    if order != torch.channels_last:
        state = _moved(state, order, run.train)
    parallel = run.host.processes.parallel(network)
    forward = in_order(torch.compile(parallel) if run.train.compile else parallel, order)
    steps = make_steps(forward, state, objective, run, device)
    with StopRequest(patient=run.host.processes.count > 1) as stop:
        while position.epoch < run.train.epochs:
            started = time.monotonic()
            with room_named("train.batch_size"):
                train_epoch(steps, state, data, run, position, checkpoint, stop)
            accuracy = _accuracy(state, validation, run)
            _close_epoch(position, run, data.steps, accuracy, time.monotonic() - started)
            _report(position, run)
        if run.host.processes.first:
            checkpoint.save(state, position)
    return state.averaged, position.history


def _state(network: nn.Module, train: TrainSettings) -> TrainingState:
    return TrainingState(network, make_optimiser(network, train), train.ema_decay)


def _moved(state: TrainingState, order: torch.memory_format, train: TrainSettings) -> TrainingState:
    """``state`` in another order of memory; what was made for the old tensors is made anew."""
    held = state.tensors()
    moved = _state(state.network.to(memory_format=order), train)
    moved.restore(held)
    return moved


def _keep_threads(position: Position, host: Host) -> None:
    """The bits of a sum depend on the number of threads: what was begun with one ends with it."""
    own = torch.get_num_threads()
    if position.threads and position.threads != own:
        host.say(f"{position.threads} CPU threads, as it began, and not {own}")
        set_threads(position.threads)
    position.threads = torch.get_num_threads()


def make_steps(
    forward: Callable[[Tensor], Tensor],
    state: TrainingState,
    objective: Objective,
    run: Run,
    device: torch.device,
) -> Steps:
    """What takes the steps of ``run``: captured where it asks for that.

    Raises:
        ErdeError: as :func:`fit`.
    """
    captured = is_captured(run, device)

    def draw(number: int) -> None:
        seed_step(run.seed, number, run.host.processes.rank, device)

    scaling = GradientScaling(state.network, run.train.gradient_scaling, run.learning)
    step = Step(state, forward, objective, scaling, run.precision, draw)
    return CapturedStep(step, CudaRecorder(), run.host.say) if captured else step


def is_captured(run: Run, device: torch.device) -> bool:
    """Whether the step becomes one CUDA graph.

    Raises:
        ErdeError: that is asked for where it cannot be.
    """
    asked = run.train.graph or run.host.graph
    if asked == "auto":
        alone = run.host.processes.count == 1
        return device.type == "cuda" and alone and not run.train.compile and run.capturable
    if not asked:
        return False
    if device.type != "cuda":
        raise ErdeError(f"train.graph must be false where no GPU is used, got true on {device}")
    if run.train.compile or run.host.processes.count > 1:
        raise ErdeError("train.graph must be false with compile or several processes, got true")
    if not run.capturable:
        raise ErdeError("train.graph must be false with an online ONNX teacher, got true")
    return True


def train_epoch(
    steps: Steps,
    state: TrainingState,
    data: TrainingSet,
    run: Run,
    position: Position,
    checkpoint: Checkpoint,
    stop: StopRequest,
) -> None:
    """Train from ``position`` to the end of its epoch."""
    processes, device = run.host.processes, data.labels.device
    redraw = partial(_redrawn, state.network, data, run, position.epoch)
    losses = losses_of_epoch(device, state.optimiser, processes, position, data.steps, redraw)
    state.network.train()
    for batch in data.epoch(run.seed, position.epoch, position.step):
        number = position.epoch * data.steps + position.step
        rate = learning_rate(run.train, number, run.train.epochs * data.steps)
        moment = Moment(number, rate, last=position.step + 1 == data.steps)
        told = steps.take(batch, moment, losses, stop.signal or 0)
        position.step += 1
        # Of several processes all stop after the same step, so none may look again here.
        asked = told if processes.count > 1 else int(stop.signal or 0)
        if processes.first and (asked or checkpoint.is_due()) and losses.settle():
            checkpoint.save(state, position)
        if asked:
            processes.wait()  # the first exit ends all processes
            run.host.say(f"stopped by {signal.Signals(asked).name}; the checkpoint is saved")
            raise Interrupted(128 + asked)
    losses.settle()


def _redrawn(
    network: nn.Module, data: TrainingSet, run: Run, epoch: int, step: int
) -> tuple[float, Tensor, Batch]:
    """Learning rate, logits and batch of a step, by the weights as they are now."""
    taken = epoch * data.steps + step
    batch = next(data.epoch(run.seed, epoch, step))
    seed_step(run.seed, taken, run.host.processes.rank, data.labels.device)
    with torch.no_grad(), autocast(run.precision, data.labels.device):
        logits = network(batch.images)
    return learning_rate(run.train, taken, run.train.epochs * data.steps), logits, batch


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
