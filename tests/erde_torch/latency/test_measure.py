"""Times, speed-ups and their images, by a clock that the tests turn."""

import contextlib

import numpy as np
import pytest
import torch

from erde_torch.latency import measure
from erde_torch.latency.machine import Load
from erde_torch.latency.measure import STUDENT, TEACHER, Contender, Plan, latency_rows

CPU = torch.device("cpu")


class Clock:
    """Stands still but where it is told to go on."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setitem(measure.CLOCKS, "wall", clock)
    return clock


@pytest.fixture
def contender(clock):
    """``contender(name, seconds)``: each image takes ``seconds(image)``, the first call 99 more."""

    def make(name, seconds, macs=(100,) * 12):
        calls = []

        def run(start, stop):
            clock.now += sum(seconds(n) for n in range(start, stop)) + 99 * (not calls)
            calls.append((start, stop))

        threshold = None if name in (TEACHER, STUDENT) else 0.5
        made = Contender(name, "eager", threshold, np.array(macs), run)
        return made, calls

    return make


def table(contender, batches, plan, **changes):
    made = {TEACHER: lambda _: 8.0, STUDENT: lambda _: 2.0, "exits": lambda n: 1.0 + n}
    macs = {TEACHER: (800,) * 12, STUDENT: (200,) * 12, "exits": range(100, 112)}
    found = [contender(name, seconds, macs[name])[0] for name, seconds in (made | changes).items()]
    return list(latency_rows(found, batches, plan, CPU))


def test_times_and_speed_ups(contender):
    rows = table(contender, [1, 4], Plan(rounds=2, calls=3))
    alone = {row["network"]: row for row in rows if row["batch"] == 1}
    exits = alone["exits"]
    assert exits["calls"] == 6
    assert exits["round_spread"] == 0
    assert {row["other_load"] for row in alone.values()} == {exits["other_load"]}
    assert exits["p50_ms"] == 2000  # images 0 … 2 take 1, 2 and 3 s
    assert exits["p99_ms"] == pytest.approx(np.percentile([1, 2, 3] * 2, 99) * 1e3)
    assert exits["macs"] == 101
    assert exits["speed_up"] == exits["speed_up_lowest"] == exits["speed_up_highest"] == 4
    assert exits["macs_ratio"] == pytest.approx(800 / 101)
    assert exits["speed_up_per_macs_ratio"] == pytest.approx(4 / (800 / 101))
    assert exits["speed_up_over_no_exits"] == 1
    assert alone[TEACHER]["speed_up"] == 1
    assert alone[TEACHER]["p50_ms"] == 8000
    assert (alone[TEACHER]["threshold"], exits["threshold"]) == (None, 0.5)
    together = {row["network"]: row for row in rows if row["batch"] == 4}
    assert together["exits"]["macs"] == 105.5  # all 12 images
    assert together[STUDENT]["speed_up_over_no_exits"] == 1


def test_the_time_allowed_bounds_the_calls_but_not_the_rounds(contender, clock):
    rows = table(contender, [1], Plan(rounds=3, calls=12, seconds=70))
    assert {row["calls"] for row in rows} == {6}  # 11 s for all at once, 3 rounds: 2 calls each
    assert {row["calls"] for row in table(contender, [4], Plan(rounds=3, seconds=1))} == {3}


def test_contenders_take_turns_on_the_same_images(contender):
    both = [contender(name, lambda _: 1.0) for name in (TEACHER, STUDENT)]
    list(latency_rows([c for c, _ in both], [4], Plan(rounds=1), CPU))
    assert both[0][1] == both[1][1] == [(0, 4)] * 2 + [(0, 4), (4, 8), (8, 12)] * 2


def test_uneven_rounds_are_recorded(contender, clock):
    """Three rounds of 8, 8 and 12 seconds: half of the median lies between slowest and fastest."""
    taken = iter([8, 8, 8, 8, 8, 12])  # a call, a call to guess, a round to warm up, then three
    slow, _ = contender(TEACHER, lambda _: next(taken), (800,))
    even, _ = contender(STUDENT, lambda _: 2.0, (200,))
    teacher, student = latency_rows([slow, even], [1], Plan(rounds=3, calls=1), CPU)
    assert teacher["round_spread"] == 0.5
    assert student["round_spread"] == 0


def test_what_other_processes_did_meanwhile_is_recorded(contender, monkeypatch):
    """Of each batch size its own."""
    found = iter([0.25, 1.5])

    @contextlib.contextmanager
    def watched():
        load = Load()
        yield load
        load.cores = next(found)

    monkeypatch.setattr(measure, "other_load", watched)
    rows = table(contender, [1, 4], Plan(rounds=1))
    assert {(row["batch"], row["other_load"]) for row in rows} == {(1, 0.25), (4, 1.5)}
