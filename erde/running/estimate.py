"""What an experiment will cost on this device: measured steps times their number, and disk."""

import hashlib
import json
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from erde.experiment.schema import Experiment
from erde.running.clock import clock
from erde.running.gpus.room import STUDENT_BYTES, check_sharing, fitting, training_bytes
from erde.running.holding.lock import folder_lock
from erde_core.images import ImageDataset
from erde_core.store.files import write_text
from erde_torch.device import autocast, choose_precision, on_device, room_named
from erde_torch.memory_order import order_of_training
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.data import network_card, padded_bytes
from erde_torch.training.host import Host
from erde_torch.training.settings import StudentSettings, TrainSettings
from erde_torch.training.teacher_answers import becomes_resident

_MEASURED_STEPS = 2
_FLOAT16_BYTES, _FLOAT32_BYTES = 2, 4
_COPIES_PER_NETWORK = 3  # weights; and in the checkpoint: weights and momentum


def announce(
    dataset: ImageDataset,
    experiment: Experiment,
    folder: Path,
    host: Host,
    *,
    fit: Callable[[Experiment], Experiment] = lambda experiment: experiment,
    students_per_gpu: int = 1,
    for_cpu: str | None = None,
) -> None:
    """Say what the whole experiment costs, once per experiment file and machine; check the room.

    Every training calls it first. The estimate is kept in ``folder/estimate.json``.

    Args:
        dataset, experiment: what is trained on what.
        folder: of the experiment's results.
        host: where it is trained.
        fit: gives the experiment with the exits that its file does not tell; called only for an
            estimate that is not known yet.
        students_per_gpu: as the run's option says.
        for_cpu: a smaller experiment of the same kind, where there is one; it is named where no
            GPU was found.

    Raises:
        OSError: the disk has less room than the experiment needs.
        ErdeError: so many students do not fit the memory of a GPU.
        NoRoomError: not even one does, or not the teacher.
    """
    key = _key(experiment, host)
    path = folder / "estimate.json"
    with folder_lock(folder / "checkpoints" / "estimate", lambda _: None):  # a second's wait
        known = _known(path)
        if known.get("key") == key:
            check_sharing(known, students_per_gpu, host.device)
            return
        found = estimate(dataset, fit(experiment), host.device)
        check_sharing(found, students_per_gpu, host.device)
        free = shutil.disk_usage(folder).free
        missing = _missing_bytes(found, experiment, folder)
        smaller = for_cpu if experiment.device == "auto" and host.device.type == "cpu" else None
        for sentence in [*_sentences(found, missing, free, smaller), *_on_gpu(found, host.device)]:
            host.say(sentence)
        if missing > free:
            raise OSError(
                f"the run needs {missing / 1e9:.2f} GB of free disk, got {free / 1e9:.2f} GB"
            )
        write_text(path, json.dumps({"key": key} | found, indent=2) + "\n")


def _key(experiment: Experiment, host: Host) -> str:
    """Of an estimate: all that it depends on, how trainings do their work included."""
    trains = [part.train for part in (experiment.trained_teacher, experiment.student) if part]
    work = [(train.graph, train.processes) for train in trains]
    asked = f"{json.dumps(experiment.named())} {work} {platform.node()} {host.device.type}"
    return hashlib.sha256(asked.encode()).hexdigest()


def _known(path: Path) -> dict[str, Any]:
    """The estimate in the file; a damaged one is as good as none, and is made anew."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and STUDENT_BYTES in found else {}


def estimate(
    dataset: ImageDataset, experiment: Experiment, device: torch.device
) -> dict[str, float]:
    """Seconds and bytes of one experiment.

    A few batches of the teacher and of each network that is trained for a student, by each
    ``train`` that variants have, are timed on ``device``; students count one after the other,
    whatever runs side by side. Of a training by several processes on GPUs one part of a batch is
    timed, as each takes it on its own, and what they tell each other counts for nothing. A teacher
    that was there already costs nothing any more: it has answered before the first student starts.

    Returns:
        ``teacher_seconds``, ``cache_seconds``, ``students_seconds``, ``cache_bytes``,
        ``disk_bytes``, and of a GPU what one student takes there: ``student_device_bytes``.

    Raises:
        NoRoomError: a batch does not fit the GPU's memory.
    """
    samples, seeds = len(dataset.train), len(experiment.seeds)
    trainings = Counter(training.settings for training in experiment.trainings().values())
    learn, parameters, most = 0.0, 0, 0
    for student, count in trainings.items():
        with room_named(f"{experiment.place_of(student.train)}.train.batch_size"):
            seconds, size, peak = _student_costs(dataset, student, device)
        learn += count * student.train.epochs * seconds
        parameters, most = parameters + count * size, max(most, peak)
    with room_named("teacher.train.batch_size"):
        found = _teacher_costs(dataset, experiment, device)
    found[STUDENT_BYTES] = most + _resident_bytes(dataset, experiment, found["cache_bytes"], device)
    found["students_seconds"] = seeds * samples * learn
    found["disk_bytes"] += seeds * parameters * _COPIES_PER_NETWORK * _FLOAT32_BYTES
    if device.type == "cuda":
        torch.cuda.empty_cache()  # what was measured must not stay reserved beside the training
    return found


def _student_costs(
    dataset: ImageDataset, student: StudentSettings, device: torch.device
) -> tuple[float, int, int]:
    """Seconds per image, parameters, and a GPU's bytes; the network is gone afterwards."""
    train = student.train
    built, taken = _build(dataset, student.network), 0
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds, size = _seconds_per_image(built, dataset, train, device, True), _parameters(built)
    if device.type == "cuda":
        taken = training_bytes(torch.cuda.max_memory_allocated(device), size, train)
    return seconds / _side_by_side(train, device), size, taken


def _teacher_costs(
    dataset: ImageDataset, experiment: Experiment, device: torch.device
) -> dict[str, float]:
    """Of the teacher alone; of one that was there already, what students keep of its cache."""
    teacher, samples = experiment.trained_teacher, len(dataset.train)
    cached = _cached_views(experiment)
    if teacher is None:
        known = cached * samples * (experiment.exits.teacher or 1) * len(dataset.class_names)
        nothing = {"teacher_seconds": 0.0, "cache_seconds": 0.0, "disk_bytes": 0.0}
        return nothing | {"cache_bytes": known * _FLOAT16_BYTES}
    teachers = 1 if teacher.folds == 1 else teacher.folds + 1
    processes = _side_by_side(teacher.train, device)
    big = _build(dataset, teacher.network)
    teach, ask = (_seconds_per_image(big, dataset, teacher.train, device, b) for b in (True, False))
    logits = cached * samples * big.exit_count * len(dataset.class_names)
    weights = teachers * _parameters(big) * _COPIES_PER_NETWORK
    return {
        "teacher_seconds": teachers * teacher.train.epochs * samples * teach / processes,
        "cache_seconds": cached * samples * ask,
        "cache_bytes": logits * _FLOAT16_BYTES,
        "disk_bytes": logits * _FLOAT16_BYTES + weights * _FLOAT32_BYTES,
    }


def _cached_views(experiment: Experiment) -> int:
    if not any(variant.reads_cache for variant in experiment.variants.values()):
        return 0
    return experiment.cache.view_count or experiment.augment.orbit


def _missing_bytes(found: Mapping[str, float], experiment: Experiment, folder: Path) -> float:
    """Of the disk that the whole run needs, what a cache that is there does not take already."""
    if experiment.trained_teacher is None:  # a cache of answers is no part of the estimate
        return found["disk_bytes"]
    try:
        there = (folder / "teacher_logits.h5").stat().st_size
    except OSError:
        there = 0
    return found["disk_bytes"] - min(there, found["cache_bytes"])


def _sentences(
    found: dict[str, float], missing: float, free: float, smaller: str | None
) -> list[str]:
    parts = {name: found[f"{name}_seconds"] for name in ("teacher", "cache", "students")}
    times = ", ".join(f"{name} {clock(seconds)}" for name, seconds in parts.items())
    instead = f"; no GPU was found: {smaller} is the experiment for a CPU" if smaller else ""
    return [
        f"estimate for this device: {times}; "
        f"{sum(parts.values()) / 3600:.2f} h if nothing runs side by side{instead}",
        f"estimate of disk: {missing / 1e9:.2f} GB of {free / 1e9:.1f} GB free",
    ]


def _on_gpu(found: Mapping[str, float], device: torch.device) -> list[str]:
    """What students take of a GPU, and where they read the cache from, if that is a question."""
    if device.type != "cuda":
        return []
    student, size = found[STUDENT_BYTES] / 1e9, found["cache_bytes"]
    said = [
        f"a student takes {student:.2f} GB of the GPU; "
        f"up to {fitting(found, device)} can share it (--config students_per_gpu)"
    ]
    if size:
        free = torch.cuda.mem_get_info(device)[0] / 1e9
        where = "lies there" if becomes_resident(int(size), device) else "is read from its file"
        said.append(
            f"teacher's cache: {size / 1e9:.2f} GB; of {free:.1f} GB free on the GPU, it {where}"
        )
    return said


def _resident_bytes(
    dataset: ImageDataset, experiment: Experiment, cache: float, device: torch.device
) -> int:
    """Of what a student keeps on a GPU beside its network: images, and the cache."""
    if device.type != "cuda":
        return 0
    images = 0  # crops are cut on the host
    if experiment.augment.crops is None:
        images = padded_bytes(dataset.train.images, experiment.augment.pad)
    return images + int(cache) * becomes_resident(int(cache), device)


def _build(dataset: ImageDataset, network: NetworkSettings) -> MultiExitNetwork:
    return network_card(dataset, "", network, "float32").build()


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _seconds_per_image(
    network: nn.Module,
    dataset: ImageDataset,
    train: TrainSettings,
    device: torch.device,
    backward: bool,
) -> float:
    """Of one process: the fastest of a few of its parts of a batch, after one to warm up."""
    part = train.batch_size // _side_by_side(train, device)
    channels, height, width = dataset.image_shape
    images = torch.randn(part, channels, height, width, device=device)
    order = order_of_training(network, (height, width), device)
    images = images.to(memory_format=order)
    network = on_device(network, device, order).train(backward)
    precision = choose_precision(train.precision, device)

    def step() -> None:
        with torch.set_grad_enabled(backward), autocast(precision, device):
            logits = network(images)
        if backward:
            logits.float().square().mean().backward()

    times = [_timed(step, device) for _ in range(1 + _MEASURED_STEPS)]
    return min(times[1:]) / part


def _side_by_side(train: TrainSettings, device: torch.device) -> int:
    """Processes with a device of their own; on a CPU all share its cores."""
    return train.processes if device.type == "cuda" else 1


def _timed(step: Callable[[], None], device: torch.device) -> float:
    started = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
