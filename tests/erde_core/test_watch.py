"""The guard: exact ranks, few false alarms, an alarm soon after a change, alone."""

import math
import random
import subprocess
import sys

import numpy as np
import pytest

from erde_core import watch as watch_module
from erde_core.watch import ALARM, BETS, JUMP, LEVELS, RESERVE, Watch, level_of
from tests.erde_core.plain_watch import plain_evidence, plain_ranks
from tests.erde_core.watch_streams import false_alarms, first_alarm, most_allowed, population

LEVEL, LARGEST = population()


def manifest(levels):
    fields = {"watch": {"validation_scores": sorted(map(int, levels))}}
    return fields | {"largest_theta": float(LARGEST)}


def score_at(level):
    """A score in the middle of a level."""
    return LARGEST * 10 ** (12 * ((level - 0.5) / (LEVELS - 2) - 1)) if level else 0.0


def test_levels_rise_with_the_score():
    scores = np.append(0, np.geomspace(1e-15, LARGEST * (1 - 1e-9), 9000))
    levels = [level_of(score, LARGEST) for score in scores]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (0, LEVELS - 2)
    assert len(set(levels)) == LEVELS - 1
    assert level_of(math.nan, LARGEST) == level_of(LARGEST, LARGEST) == LEVELS - 1
    assert [level_of(score_at(n), LARGEST) for n in range(LEVELS - 1)] == list(range(LEVELS - 1))


def test_bets_are_fair_and_never_negative():
    p = (np.arange(100_000) + 0.5) / 100_000
    for slope, bend in BETS:
        factor = 1 + slope * (p - 0.5) + bend * (12 * (p - 0.5) ** 2 - 1)
        assert factor.mean() == pytest.approx(1, abs=1e-9)
        assert factor.min() >= 0


def streams():
    """Levels of validation, and those of streams: calm, changed, and as far above as can be."""
    drawn, few = np.random.default_rng(0), LEVEL[:200]
    surer = LEVEL[np.median(LEVEL) > LEVEL]
    calm, changed = drawn.choice(LEVEL, 700), drawn.choice(surer, 150)
    return {
        "calm": (LEVEL, calm),
        "changed": (few, np.append(calm[:300], changed)),
        "unlike any": (few, np.full(100, LEVELS - 1)),
        "of all levels": (drawn.integers(LEVELS, size=3000), drawn.integers(LEVELS, size=700)),
    }


STREAMS = streams()


@pytest.mark.parametrize("stream", STREAMS)
def test_one_by_one_the_alarm_comes_with_its_image_and_no_bit_differs(stream):
    validation, levels = STREAMS[stream]
    expected = plain_evidence(plain_ranks(validation, levels, seed=3))
    unasked, asked = (Watch(manifest(validation), seed=3) for _ in range(2))
    for n, level in enumerate(levels):
        _, _, alarm = expected[n]
        assert unasked.update([score_at(level)]) == asked.update([score_at(level)]) == bool(alarm)
        assert (unasked.images, unasked.alarm) == (n + 1, alarm)
        assert (asked.evidence, asked.highest, asked.alarm) == expected[n]
    assert (unasked.evidence, unasked.highest, unasked.alarm) == expected[-1]
    assert bool(alarm) == (stream in ("changed", "unlike any"))


@pytest.mark.parametrize("stream", STREAMS)
def test_in_blocks_of_any_size_no_bit_differs(stream):
    validation, levels = STREAMS[stream]
    watch, drawn, first = Watch(manifest(validation), seed=3), np.random.default_rng(5), 0
    while first < len(levels):
        last = first + int(drawn.integers(200))
        watch.update(map(score_at, levels[first:last].tolist()))
        first = last
    expected = plain_evidence(plain_ranks(validation, levels, seed=3))
    assert (watch.evidence, watch.highest, watch.alarm) == expected[-1]


def test_what_is_no_score_is_refused_at_once():
    watch = Watch(manifest(LEVEL))
    with pytest.raises(TypeError):
        watch.update([None])
    assert watch.images == 0


def test_the_compiled_simulation_is_the_guard():
    drawn = np.random.default_rng(1)
    for levels, stream in (
        (LEVEL[:200], drawn.choice(LEVEL, 2000)),
        (LEVEL, drawn.choice(LEVEL[np.median(LEVEL) < LEVEL], 200)),
    ):
        watch, draws = Watch(manifest(levels), seed=5), random.Random(5)
        uniform = np.array([draws.random() for _ in stream])
        watch.update(map(score_at, stream.tolist()))
        alarm, highest = first_alarm(levels, stream, uniform)
        assert (watch.alarm or 0) == alarm
        capital = RESERVE + (1 - RESERVE) * math.exp(highest)
        assert watch.highest == pytest.approx(capital, rel=1e-9)


def logarithms(ranks):
    """Of the capital after each rank, as it is written in ``BETS``."""
    stakes, logarithm, found = np.full(len(BETS), 1 / len(BETS)), 0.0, []
    for p in ranks:
        c = p - 0.5
        stakes = stakes * [1 + slope * c + bend * (12 * c * c - 1) for slope, bend in BETS]
        logarithm += math.log(stakes.sum())
        stakes = stakes / stakes.sum() * (1 - JUMP) + JUMP / len(BETS)
        found.append(logarithm)
    return np.array(found)


def test_the_capital_is_exact_where_float64_could_not_hold_it():
    drawn, middle = np.random.default_rng(4), np.median(LEVEL)
    watch, ranks, found = Watch(manifest(LEVEL[:200])), [], []
    bet = watch._bet

    def noted(block):
        ranks.extend(block)
        bet(block)

    watch._bet = noted
    for levels, count in ((LEVEL, 2000), (LEVEL[middle < LEVEL], 1200), (LEVEL, 40_000)):
        for level in drawn.choice(levels, count).tolist():
            watch.update([score_at(level)])
            found.append((watch.evidence, watch.highest))
    expected = logarithms(ranks)
    assert expected.max() > 260
    assert expected[-1] < expected.max() - 230
    for logarithm, values in zip(
        (expected, np.maximum.accumulate(np.maximum(expected, 0))),
        zip(*found, strict=True),
        strict=True,
    ):
        assert values == pytest.approx(RESERVE + (1 - RESERVE) * np.exp(logarithm), rel=1e-9)


@pytest.mark.parametrize("size", [200, 5000])
def test_few_false_alarms(size):
    assert false_alarms(size, images=2000, streams=300) <= most_allowed(300)


@pytest.mark.parametrize("surer", [True, False])
def test_a_change_is_seen_soon_and_stays_seen(surer):
    drawn, middle = np.random.default_rng(2), np.median(LEVEL)
    half = LEVEL[middle > LEVEL] if surer else LEVEL[middle < LEVEL]
    watch = Watch(manifest(LEVEL))
    assert not watch.update(map(score_at, drawn.choice(LEVEL, 100)))
    assert watch.update(map(score_at, drawn.choice(half, 100)))
    assert 100 < watch.alarm < 160
    assert watch.highest >= ALARM
    alarm = watch.alarm
    assert watch.update(map(score_at, drawn.choice(LEVEL, 3000)))
    assert (watch.alarm, watch.images) == (alarm, 3200)
    assert watch.evidence < watch.highest


def test_without_validation_scores_it_is_refused():
    fields = {"watch": {"validation_scores": None}, "largest_theta": 1.0}
    with pytest.raises(ValueError, match="watch must have validation scores to hold a stream"):
        Watch(fields)


def test_it_needs_the_standard_library_alone():
    code = f"import runpy, sys; runpy.run_path({watch_module.__file__!r}); \
print(sorted(n for n in sys.modules if n.split('.')[0] in ('numpy', 'h5py', 'erde_core')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
