"""The guard: exact ranks, few false alarms, an alarm soon after a change, alone."""

import math
import random
import subprocess
import sys

import numpy as np
import pytest

from erde_core import watch as watch_module
from erde_core.watch import ALARM, BETS, JUMP, LEVELS, RESERVE, Watch, level_of
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


def test_ranks_are_counted_among_validation_and_all_that_came():
    drawn = np.random.default_rng(0)
    watch, draws = Watch(manifest(LEVEL), seed=3), random.Random(3)
    seen, stream = LEVEL.tolist(), drawn.choice(LEVEL, 300).tolist()
    ranks = []
    watch._bet = ranks.append
    watch.update(map(score_at, stream))
    for found, level in zip(ranks, stream, strict=True):
        above, ties = sum(s > level for s in seen), seen.count(level)
        seen.append(level)
        assert found == (above + draws.random() * (ties + 1)) / len(seen)


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


def plain(ranks):
    """The capital after each rank, as a logarithm, and how it is written in ``BETS``."""
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

    def noted(p):
        ranks.append(p)
        bet(p)
        found.append((watch.evidence, watch.highest))

    watch._bet = noted
    for levels, count in ((LEVEL, 2000), (LEVEL[middle < LEVEL], 1200), (LEVEL, 40_000)):
        watch.update(map(score_at, drawn.choice(levels, count)))
    expected = plain(ranks)
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
