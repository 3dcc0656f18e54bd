"""The compiled bootstrap is its reference, bit for bit in accuracy."""

import numpy as np
import pytest

from erde_core.fast.bootstrap import resampled_curves
from erde_core.statistics import bootstrap
from erde_core.statistics.sorted_steps import sorted_steps
from tests.erde_core.statistics.test_bootstrap import BUDGETS, MACS, exits


@pytest.mark.parametrize("samples", [4, 90, 1000])
def test_equals_the_reference(samples):
    steps = sorted_steps(*exits(samples), MACS, 10)
    weights = bootstrap.group_weights(np.arange(samples), 50, seed=2)
    expected = bootstrap.resampled_curves(steps, weights, BUDGETS)
    found = resampled_curves(steps, weights, BUDGETS)
    assert np.array_equal(found[0], expected[0], equal_nan=True)
    assert found[1] == pytest.approx(expected[1], rel=1e-12)


def test_one_cost_for_all_points():
    entropy, correct = exits(20)
    steps = sorted_steps(entropy, correct, np.full(4, 6), 10)
    weights = bootstrap.group_weights(np.arange(20), 5, seed=2)
    expected = bootstrap.resampled_curves(steps, weights, BUDGETS)
    found = resampled_curves(steps, weights, BUDGETS)
    assert np.array_equal(found[0], expected[0], equal_nan=True)
    assert np.array_equal(found[1], expected[1])
