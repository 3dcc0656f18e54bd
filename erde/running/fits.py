"""Whether every job fits into this machine's memory, asked before the first one.

Compared is what a job takes at least, so that nothing is refused that would run. What a training's
step keeps is counted by a short process, and only where a bound from the table of networks does
not say already that it fits.
"""

from dataclasses import dataclass
from pathlib import Path

from erde.datasets.source import Facts
from erde.experiment.schema import Experiment
from erde.running.asking.questions import Questions
from erde.running.asking.step_memory import Device, Step, step_memory, weight_copies
from erde.running.clock import clock
from erde.running.cluster.needs import facts_or_none, least_data_bytes, most_training_bytes
from erde.running.due import Training, trainings
from erde_core.errors import ErdeError
from erde_torch.teachers.settings import LogitsTeacher
from erde_torch.training.settings import TrainSettings

_FLOAT16_BYTES, _FLOAT32_BYTES = 2, 4
_ANY_GPU = 8 * 10**9  # bytes; where the bound is below it, smaller GPUs have room as well
_LARGE = 2_000_000  # pixels of a batch, beyond which what it takes is said: 128 of 125 × 125


@dataclass(frozen=True)
class Room:
    """What jobs may use.

    Attributes:
        memory_bytes: of main memory, for one process.
        on_gpu: whether trainings keep their batches on a GPU.
    """

    memory_bytes: int
    on_gpu: bool


def check_memory(
    experiment: Experiment, results: Path, room: Room, questions: Questions
) -> list[str]:
    """Refuse jobs that cannot fit; what is made already is passed over.

    Args:
        experiment: what is to be made.
        results: its folder.
        room: of this machine.
        questions: who is asked about networks.

    Returns:
        What is worth knowing of trainings with large batches: least memory, and time.

    Raises:
        ErdeError: names the job, its least need, the memory that there is and what would fit.
    """
    facts = facts_or_none(experiment)
    if facts is None:
        return []
    least = least_data_bytes(experiment)
    if least > room.memory_bytes and not (results / "data.h5").exists():
        what, advice = "dataset: preparing it", "fewer or smaller images"
        raise _refusal(what, least, room.memory_bytes, "machine", advice)
    said = _check_trainings(experiment, facts, results, room, questions)
    _check_cache(experiment, facts, results, room)
    return said


def _check_cache(experiment: Experiment, facts: Facts, results: Path, room: Room) -> None:
    """All answers to one view are there at once, in main memory."""
    cached = any(training.reads_cache for training in experiment.trainings().values())
    stored = isinstance(experiment.teacher, LogitsTeacher)
    if stored or not cached or (results / "teacher_logits.h5").exists():
        return
    least = facts.train * (experiment.exits.teacher or 1) * facts.classes * _FLOAT16_BYTES
    if least > room.memory_bytes:
        what, advice = "cache: the answers to one view", "fewer images"
        raise _refusal(what, least, room.memory_bytes, "machine", advice)


def _check_trainings(
    experiment: Experiment, facts: Facts, results: Path, room: Room, questions: Questions
) -> list[str]:
    due = [
        training
        for training in trainings(experiment, results)
        if not training.made and _is_worth_counting(training, facts, room)
    ]
    if not due:
        return []
    networks = [training.network for training in due]
    precisions = [training.train.precision for training in due]
    steps, device = step_memory(networks, facts, experiment.device, questions, precisions)
    return [
        _checked(training, step, device, facts, room.memory_bytes)
        for training, step in zip(due, steps, strict=True)
    ]


def _is_worth_counting(training: Training, facts: Facts, room: Room) -> bool:
    """Asking takes seconds: what fits by far, and has small images, is not asked about."""
    most = most_training_bytes(training.network, training.train, facts)
    large = training.train.batch_size * facts.height * facts.width > _LARGE
    return large or most > (_ANY_GPU if room.on_gpu else room.memory_bytes)


def _checked(
    training: Training, step: Step, device: Device, facts: Facts, memory_bytes: int
) -> str:
    """What it takes at least, in words.

    Raises:
        ErdeError: it does not fit.
    """
    train, batch = training.train, training.train.batch_size
    on_gpu = device.memory_bytes != 0
    room = device.memory_bytes if on_gpu else memory_bytes  # None: of a GPU that does not say
    # Every process has a GPU of its own, and all of them share main memory.
    parts = train.processes if on_gpu else 1
    fixed = train.processes * step.weights * weight_copies(train) * _FLOAT32_BYTES // parts
    image = _image_bytes(step, train, device) / parts
    least = int(fixed + batch * image)
    if room is not None and least > room:
        fitting = int((room - fixed) / image) if image else 0
        fitting -= fitting % train.processes
        width = f"{training.network.name} × width {training.network.width:g}"
        what = f"{training.place}: batch_size {batch} of {width} at {facts.height} × {facts.width}"
        advice = "a smaller width, smaller images, another network"
        if fitting >= 2 * train.processes:
            advice = f"a batch_size of at most {fitting}, {advice}"
        owner = "GPU" if on_gpu else "machine"
        raise _refusal(f"{what} pixels", least, room, owner, advice)
    work = train.epochs * facts.train * step.image_operations / train.processes
    speed = device.operations_per_second.get(train.precision)
    said = f"{training.place}: at least {least / 1e9:.2f} GB in batches of {batch}, and "
    if speed is None:
        return f"{said}an unknown time for {train.epochs} epochs: the GPU could not be timed"
    return f"{said}about {clock(work / speed)} for {train.epochs} epochs"


def _image_bytes(step: Step, train: TrainSettings, device: Device) -> float:
    """Kept of an image, at least."""
    if train.compile:  # a compiled graph computes again what it would rather not keep
        return 0
    precision = device.precision if train.precision == "auto" else train.precision
    return step.image_bytes / 2 if precision == "bf16" else step.image_bytes


def _refusal(what: str, least: int, room: int, owner: str, advice: str) -> ErdeError:
    return ErdeError(
        f"{what} must fit into this {owner}'s {room // 10**6:,} MB of memory, "
        f"got at least {-(-least // 10**6):,} MB: take {advice}, or a cluster"
    )
