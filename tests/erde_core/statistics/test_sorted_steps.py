"""Weighted curves are the sweep of a data set in which samples are copied."""

import numpy as np
import pytest

from erde_core import sweep
from erde_core.statistics.sorted_steps import sorted_steps, weighted_curves
from tests.erde_core.test_certify import real_exits

MACS = np.array([3, 5, 7, 9])


def test_equal_weights_give_the_sweep():
    entropy, correct = real_exits()
    points = sweep(entropy, correct, MACS, 10)
    steps = sorted_steps(entropy, correct, MACS, 10)
    accuracy, cost = weighted_curves(steps, np.ones((1, 1000), dtype=int))
    assert np.array_equal(steps.threshold, points.threshold)
    assert accuracy[0] == pytest.approx(points.accuracy, abs=1e-15)
    assert cost[0] == pytest.approx(points.mean_macs, rel=1e-15)


def test_a_weight_is_a_number_of_copies():
    entropy, correct = (a[:60] for a in real_exits())
    entropy[:, 1] = np.round(entropy[:, 1], 1)  # ties
    steps = sorted_steps(entropy, correct, MACS, 10)
    weights = np.random.default_rng(0).integers(0, 3, (4, 60))
    accuracy, cost = weighted_curves(steps, weights)
    for row, copies in enumerate(weights):
        points = sweep(np.repeat(entropy, copies, 0), np.repeat(correct, copies, 0), MACS, 10)
        # A step of which no copy was drawn changes nothing: the same points, some twice.
        k = np.array([np.abs(points.threshold - t).argmin() for t in points.threshold])
        assert set(points.accuracy[k].round(12)) == set(accuracy[row].round(12))
        assert set(points.mean_macs[k].round(9)) == set(cost[row].round(9))


def test_bad_weights_are_named():
    steps = sorted_steps(*(a[:5] for a in real_exits()), MACS, 10)
    for weights in (np.ones((1, 5)), np.ones((2, 4), int), np.array([[1, 1, 1, 1, -1]])):
        with pytest.raises(ValueError, match="weights must"):
            weighted_curves(steps, weights)
