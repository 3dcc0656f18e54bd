"""How long an image takes: teacher, student without exits and student with exits, side by side.

All contenders of one batch size run in one process. They take turns, round by round, so that other
load on the machine slows all of them alike. Every round of a contender classifies the same images.
The first round warms up (and compiles), and is not counted. On a GPU every call is synchronised.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from erde_core.store.tables import Row
from erde_torch.latency.machine import other_load
from erde_torch.latency.names import STUDENT, TEACHER

BATCHES = (1, 4, 16, 64, 256)
# With one thread both clocks agree on an idle machine. On a shared machine the processor's clock
# stops while another process runs.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Contender:
    """One line of the table.

    Attributes:
        network: ``TEACHER``, ``STUDENT``, or the student's operating point in words.
        runtime: ``eager`` or ``compiled``, in float32 or as in ``eager bf16``; ``ONNX Runtime`` or
            ``ONNX Runtime int8``.
        threshold: in the score's unit; None where the network has no early exit.
        macs: of each image, ``(N,)``.
        run: classifies images ``start`` … ``stop`` - 1.
        teacher_runtime: of the teacher that it is held against, where that is not ``runtime``.
    """

    network: str
    runtime: str
    threshold: float | None
    macs: NDArray[np.int64]
    run: Callable[[int, int], object]
    teacher_runtime: str | None = None


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: the number of rounds that count; one more runs before them.
        calls: the largest number of calls per round and contender.
        seconds: the time that the counted rounds of one batch size may take, for all contenders
            together. Each contender is called at least once per round, even if that takes longer.
        clock: a key of ``CLOCKS``.
    """

    rounds: int = 5
    calls: int = 40
    seconds: float = math.inf
    clock: str = "wall"


def latency_rows(
    contenders: Sequence[Contender], batches: Sequence[int], plan: Plan, device: torch.device
) -> Iterator[Row]:
    """One row per batch size and contender.

    ``other_load`` is the number of cores that other processes kept busy meanwhile; it is None where
    the system does not say. ``round_spread`` is the slowest round minus the fastest, as a share of
    the median round. ``macs`` is the mean over the images timed. Speed-ups compare with the teacher
    in the same runtime (of int8: in float32): median, lowest and highest over the rounds.
    ``macs_ratio`` is the speed-up that MACs alone promise.

    Args:
        contenders: the student without exits in every runtime among them, and the teacher in every
            one that a contender is held against.
        batches: images per call; none may exceed the number of images.
        plan: how much is measured.
        device: of the networks that run in PyTorch.
    """
    for batch in batches:
        with other_load() as load:
            seconds = _measure(contenders, batch, plan, device)
        calls = next(iter(seconds.values())).shape[1]
        for row in _rows(contenders, seconds, batch, calls * batch):
            yield row | {"other_load": load.cores}


def _measure(
    contenders: Sequence[Contender], batch: int, plan: Plan, device: torch.device
) -> dict[int, NDArray[np.float64]]:
    """{index of the contender: seconds per call, (rounds, calls)}."""
    clock, images = CLOCKS[plan.clock], len(contenders[0].macs)

    def call(contender: Contender, start: int) -> float:
        started = clock()
        contender.run(start, start + batch)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return clock() - started

    calls = min(plan.calls, images // batch)
    for contender in contenders:
        call(contender, 0)
    once = sum(call(contender, 0) for contender in contenders)
    calls = max(1, int(min(calls, plan.seconds / (once * plan.rounds))))
    starts = range(0, calls * batch, batch)
    seconds: dict[int, list[list[float]]] = {index: [] for index in range(len(contenders))}
    for number in range(plan.rounds + 1):
        for index, contender in enumerate(contenders):
            taken = [call(contender, start) for start in starts]
            if number:
                seconds[index].append(taken)
    return {index: np.array(taken) for index, taken in seconds.items()}


def _rows(
    contenders: Sequence[Contender],
    seconds: dict[int, NDArray[np.float64]],
    batch: int,
    images: int,
) -> Iterator[Row]:
    means = {index: calls.mean(axis=1) for index, calls in seconds.items()}
    of = {(c.network, c.runtime): index for index, c in enumerate(contenders)}
    for index, contender in enumerate(contenders):
        teacher = of[TEACHER, contender.teacher_runtime or contender.runtime]
        student = of[STUDENT, contender.runtime]
        speed_ups = (means[teacher] / means[index]).tolist()
        macs = float(contender.macs[:images].mean())
        ratio = float(contenders[teacher].macs[:images].mean()) / macs
        speed_up = statistics.median(speed_ups)
        p50, p95, p99 = np.percentile(seconds[index] * 1e3, [50, 95, 99]).tolist()
        yield {
            "batch": batch,
            "runtime": contender.runtime,
            "network": contender.network,
            "threshold": contender.threshold,
            "macs": macs,
            "calls": seconds[index].size,
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            "speed_up": speed_up,
            "speed_up_lowest": min(speed_ups),
            "speed_up_highest": max(speed_ups),
            "macs_ratio": ratio,
            "speed_up_per_macs_ratio": speed_up / ratio,
            "speed_up_over_no_exits": statistics.median((means[student] / means[index]).tolist()),
            "round_spread": float(np.ptp(means[index]) / np.median(means[index])),
        }
