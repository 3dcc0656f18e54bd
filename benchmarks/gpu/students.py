"""Students that wait to be told to train, each a process of its own."""

import argparse
import contextlib
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.gpu.apart import one_line
from benchmarks.gpu.captured import refusal
from benchmarks.training import Bench, synchronise
from erde_torch.device import set_threads

_LATER = 0.5  # seconds until a window opens: by then all train


class StudentError(RuntimeError):
    """A student cannot train, or not as it was asked to; one sentence says why."""


class Students:
    """Started as they are needed, and then kept.

    Args:
        asked: as of :mod:`benchmarks.gpu_report`.
        ways: uncaptured, captured.
        ends: when a student must be ready at the latest, by ``time.monotonic``.
    """

    def __init__(self, asked: argparse.Namespace, ways: tuple[bool, ...], ends: float) -> None:
        self._asked, self._ways, self._ends = asked, ways, ends
        self._context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        self._pipes: list[Connection] = []
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._dead: dict[int, str] = {}
        self._said: list[list[str]] = []  # by each, of its captured step

    def together(self, count: int, captured: bool) -> float:
        """Images per second of so many students, in a window in which all of them train.

        Raises:
            StudentError: one of them cannot, or its captured step is not in use.
        """
        self._start(count)
        for number in range(count):
            failed = refusal(self._said[number]) if captured and number not in self._dead else ""
            if failed := self._dead.get(number) or failed:
                raise StudentError(f"student {number + 1}: {failed}")
        begins = time.monotonic() + _LATER
        for pipe in self._pipes[:count]:
            with contextlib.suppress(OSError):  # one that has died is missed when it is heard
                pipe.send((captured, begins, begins + self._asked.seconds))
        images = [self._heard(number) for number in range(count)]
        if missing := [number for number in range(count) if number in self._dead]:
            raise StudentError(f"student {missing[0] + 1}: {self._dead[missing[0]]}")
        return sum(images) / self._asked.seconds

    def close(self) -> None:
        """Let all end."""
        for number, (pipe, process) in enumerate(zip(self._pipes, self._processes, strict=True)):
            if number in self._dead:
                process.terminate()
            with contextlib.suppress(OSError):
                pipe.send(None)
            process.join()

    def _start(self, count: int) -> None:
        begun = len(self._pipes)
        for _ in range(begun, count):
            ours, theirs = self._context.Pipe()
            given = self._asked, self._ways, theirs
            process = self._context.Process(target=_student, args=given, daemon=True)
            process.start()
            theirs.close()  # or the end of a student would not be heard here
            self._pipes.append(ours)
            self._processes.append(process)
        for number in range(begun, count):
            left = max(0.0, self._ends - time.monotonic())
            ready = self._heard(number) if self._pipes[number].poll(left) else None
            if ready is None:
                self._dead.setdefault(number, "not ready in time")
            self._said.append(ready or [])

    def _heard(self, number: int):
        """Its answer; None, and it is dead, where there is none."""
        try:
            failed, answer = self._pipes[number].recv()
        except EOFError:
            failed, answer = True, "ended without a word"
        if failed:
            self._dead[number] = answer
        return 0.0 if failed else answer


def _student(asked: argparse.Namespace, ways: tuple[bool, ...], pipe: Connection) -> None:
    try:
        _learn(asked, ways, pipe)
    except EOFError:  # whoever started it is gone
        return
    except Exception as error:
        pipe.send((True, one_line(error)))


def _learn(asked: argparse.Namespace, ways: tuple[bool, ...], pipe: Connection) -> None:
    """Train whenever told to, and answer with the images of the window."""
    set_threads(1)
    said: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(asked, Path(folder))
    steps = {
        way: bench.ours("resnet10", bench.precision, "cached", way, said.append) for way in ways
    }

    def epoch(way: bool) -> None:
        steps[way]()
        synchronise(bench.device)

    for way in ways:
        epoch(way)  # libraries choose their kernels, and the step is captured and checked
    pipe.send((False, said))
    while (told := pipe.recv()) is not None:
        way, begins, ends = told
        images = asked.images // bench.batch * bench.batch
        pipe.send((False, images_within(partial(epoch, way), images, begins, ends)))


def images_within(epoch: Callable[[], None], images: int, begins: float, ends: float) -> float:
    """Train from now until ``ends`` has passed, and count what was learned between both moments.

    Of the epochs in which the window opens and closes their share counts.

    Args:
        epoch: learns so many ``images``.
        begins, ends: the window, by ``time.monotonic``, which all processes of a machine share.
    """
    counted, started = 0.0, time.monotonic()
    while started < ends:
        epoch()
        done = time.monotonic()
        inside = max(0.0, min(done, ends) - max(started, begins))
        counted += images * inside / (done - started)
        started = done
    return counted
