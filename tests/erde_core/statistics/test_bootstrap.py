"""Resampled curves are the curves of data sets in which images are copied."""

import tracemalloc

import numpy as np
import pytest

from erde_core import accuracy_at, area_under_curve, sweep
from erde_core.fast import bootstrap as fast
from erde_core.statistics.bootstrap import group_weights, resampled_curves
from erde_core.statistics.sorted_steps import sorted_steps
from tests.erde_core.test_certify import real_exits

MACS = np.array([3, 5, 7, 9])
BUDGETS = np.array([2.9, 3, 3.2, 4.5, 5, 8.2, 9, 10])


def exits(samples):
    """Real exits in which ties, and a network that never leaves at once, occur too."""
    entropy, correct = (a[:samples].copy() for a in real_exits())
    entropy[:, 1] = np.round(entropy[:, 1], 1)
    entropy[:3] = np.nan
    return entropy, correct


def test_each_row_is_the_curve_of_the_copies():
    entropy, correct = exits(80)
    steps = sorted_steps(entropy, correct, MACS, 10)
    weights = group_weights(np.arange(80) // 2, 40, seed=1)
    accuracy, area = resampled_curves(steps, weights, BUDGETS)
    for row, copies in enumerate(weights):
        points = sweep(np.repeat(entropy, copies, 0), np.repeat(correct, copies, 0), MACS, 10)
        assert accuracy[row] == pytest.approx(accuracy_at(points, BUDGETS), nan_ok=True)
        assert area[row] == pytest.approx(area_under_curve(points))


def test_groups_are_drawn_whole_and_as_often_as_they_are_many():
    group = np.array([7, 7, 1, 5, 5, 5])
    weights = group_weights(group, 500, seed=0)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3:] == weights[:, 3:4]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(6), abs=0.15)
    assert np.array_equal(weights, group_weights(group, 500, seed=0))
    assert not np.array_equal(weights, group_weights(group, 500, seed=1))


def test_rows_in_parts_are_those_drawn_at_once_and_take_no_more_room_than_they_need():
    group = np.arange(20_000) // 2
    tracemalloc.start()
    weights = group_weights(group, 300, seed=4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert weights.dtype == np.int32
    assert peak < weights.nbytes + 2**23
    drawn = np.random.default_rng(4).integers(10_000, size=(300, 10_000))
    counts = np.array([np.bincount(row, minlength=10_000) for row in drawn])
    assert np.array_equal(weights, np.repeat(counts, 2, axis=1))


def test_costs_that_no_64_bit_integer_holds_are_refused():
    macs = np.array([3, 5, 7, 2**61])
    steps = sorted_steps(*exits(3), macs, 10)
    copies = np.array([[2, 2, 0]])
    words = rf"macs of the last exit times the images must be below 2\^63, got {2**61} times 4"
    for function in (resampled_curves, fast.resampled_curves):
        with pytest.raises(ValueError, match=words):
            function(steps, copies, BUDGETS)


def test_bad_input_is_named():
    steps = sorted_steps(*exits(10), MACS, 10)
    with pytest.raises(ValueError, match="budgets must be a list of ascending numbers"):
        resampled_curves(steps, np.ones((1, 10), int), [5, 4])
    with pytest.raises(ValueError, match="at least one sample and resamples be >= 1"):
        group_weights([], 10, seed=0)
