"""Students that share one GPU: how many images per second all of them together train.

Each student is a process, as the workflow's are. All live from the start, and so many of them as a
round says train for its seconds, at the same time.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.training import Bench, synchronise
from erde_torch.device import set_threads

_LATER = 0.2  # seconds until a round begins: who has been told waits for who has not


def rates(asked: argparse.Namespace) -> dict[tuple[bool, int], list]:
    """Images per second of all students together, by (captured, how many), round by round.

    Args:
        asked: as of :mod:`benchmarks.gpu_report`; a GPU also trains by captured steps.
    """
    counts: list[int] = asked.counts
    ways = (False, True) if asked.device == "cuda" else (False,)
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    pipes = [context.Pipe() for _ in range(max(counts))]
    talk, students = [ours for ours, _ in pipes], []
    for _, theirs in pipes:
        students.append(context.Process(target=_student, args=(asked, ways, theirs), daemon=True))
        students[-1].start()
        theirs.close()  # or the end of a student would not be heard here
    for pipe in talk:
        pipe.recv()  # ready
    found: dict[tuple[bool, int], list] = {(way, count): [] for way in ways for count in counts}
    for _ in range(asked.rounds):
        for way, count in found:
            found[way, count].append(_round(talk[:count], way))
    for pipe, student in zip(talk, students, strict=True):
        pipe.send(None)
        student.join()
    return found


def _round(students: list[Connection], captured: bool) -> float:
    begins = time.time() + _LATER
    for student in students:
        student.send((captured, begins))
    return sum(student.recv() for student in students)


def _student(asked: argparse.Namespace, ways: tuple[bool, ...], pipe: Connection) -> None:
    """One process: trains whenever it is told to, and answers with its images per second."""
    set_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(asked, Path(folder))
    epochs = {way: bench.ours("resnet10", bench.precision, "cached", way) for way in ways}
    for epoch in epochs.values():
        epoch()  # libraries choose their kernels, and the step is captured and checked
    images = asked.images // bench.batch * bench.batch
    pipe.send("ready")
    while (told := pipe.recv()) is not None:
        way, begins = told
        time.sleep(max(0.0, begins - time.time()))
        started, done = time.perf_counter(), 0
        while not done or time.perf_counter() - started < asked.seconds:
            epochs[way]()
            synchronise(bench.device)
            done += images
        pipe.send(done / (time.perf_counter() - started))


def table(found: dict[tuple[bool, int], list]) -> list[str]:
    """Markdown: one row per way and number of students."""
    lines = ["| step | students at one time | images/s of all together | range | gain |"]
    lines += ["|---|---:|---:|---|---:|"]
    first = min(count for _, count in found)
    for (captured, count), values in found.items():
        middle, alone = statistics.median(values), statistics.median(found[captured, first])
        shown = f"{min(values):.0f}–{max(values):.0f}"
        step = "captured" if captured else "uncaptured"
        lines.append(f"| {step} | {count} | {middle:.0f} | {shown} | {middle / alone:.2f} |")
    return lines
