"""Chosen thresholds against brute force."""

import itertools

import numpy as np
import pytest

from erde_core import exit_indices, sweep
from erde_core.choose import (
    index_for_budget,
    index_for_drop,
    thresholds_for_budget,
    thresholds_for_budgets,
)
from tests.erde_core.test_certify import real_exits

MACS = np.array([3, 5, 7, 9])


def cost_and_accuracy(entropy, correct, macs, thresholds):
    left_at = exit_indices(entropy, thresholds)
    return macs[left_at].mean(), correct[np.arange(len(left_at)), left_at].mean()


def test_a_budget_buys_the_best_point():
    entropy, correct = real_exits()
    points = sweep(entropy, correct, MACS, 10)
    for budget in (3, 4.2, 6, 9):
        index = index_for_budget(points, budget, MACS)
        within = points.mean_macs <= budget
        assert within[index]
        assert points.accuracy[index] == points.accuracy[within].max()


def test_a_drop_buys_the_cheapest_point():
    entropy, correct = real_exits()
    points = sweep(entropy, correct, MACS, 10)
    for drop in (0, 0.01, 0.05, 1):
        index = index_for_drop(points, drop)
        good = points.accuracy >= points.accuracy[0] - drop - 1e-9
        assert good[index]
        assert points.mean_macs[index] == points.mean_macs[good].min()
    assert points.mean_macs[index_for_drop(points, 1)] == MACS[0]


@pytest.mark.parametrize("budget", [3, 4, 5, 7, 9])
def test_thresholds_per_exit_are_within_budget_and_no_worse_than_one(budget):
    entropy, correct = real_exits()
    thresholds = thresholds_for_budget(entropy, correct, MACS, 10, budget)
    cost, accuracy = cost_and_accuracy(entropy, correct, MACS, thresholds)
    points = sweep(entropy, correct, MACS, 10)
    assert cost <= budget
    assert accuracy >= points.accuracy[index_for_budget(points, budget, MACS)]


def test_thresholds_per_exit_are_nearly_those_of_brute_force():
    rng = np.random.default_rng(4)
    macs = np.array([1, 3, 6])
    found, best = [], []
    for _ in range(15):
        entropy = rng.uniform(0, 2, (9, 3))
        correct = rng.uniform(size=(9, 3)) < (0.5, 0.6, 0.9)
        grids = [np.append(np.sort(entropy[:, e]) - 1e-9, 4) for e in range(2)]
        tried = [
            cost_and_accuracy(entropy, correct, macs, np.array(t))
            for t in itertools.product(*grids)
        ]
        best.append(max(a for c, a in tried if c <= 4))
        thresholds = thresholds_for_budget(entropy, correct, macs, 10, 4)
        cost, accuracy = cost_and_accuracy(entropy, correct, macs, thresholds)
        assert cost <= 4
        found.append(accuracy)
    assert (np.array(found) <= np.array(best) + 1e-12).all()
    assert np.isclose(found, best).mean() >= 0.8


def test_one_threshold_per_exit_finds_what_one_for_all_cannot():
    # Exit 0 is sure and wrong, exit 1 unsure and right.
    entropy = np.tile([0.1, 0.5, 0.0], (20, 1)) + np.arange(20)[:, None] / 1000
    correct = np.tile([False, True, True], (20, 1))
    macs = np.array([1, 2, 9])
    assert (
        sweep(entropy, correct, macs, 10)
        .accuracy[sweep(entropy, correct, macs, 10).mean_macs <= 2]
        .max()
        < 0.2
    )
    thresholds = thresholds_for_budget(entropy, correct, macs, 10, 2)
    assert cost_and_accuracy(entropy, correct, macs, thresholds) == (2, 1)


def test_many_budgets_are_answered_each_as_if_alone():
    entropy, correct = real_exits()
    budgets = [3, 4.5, 9]
    together = thresholds_for_budgets(entropy, correct, MACS, 10, budgets)
    for budget, thresholds in zip(budgets, together, strict=True):
        alone = thresholds_for_budget(entropy, correct, MACS, 10, budget)
        assert np.array_equal(alone, thresholds)
    halved = thresholds_for_budgets(entropy / 2, correct, MACS, None, budgets, largest=np.log(10))
    assert np.array_equal(halved, together / 2)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"budget must lie between .* got 10"):
        thresholds_for_budgets(*real_exits(), MACS, 10, [4, 10])
    points = sweep(*real_exits(), MACS, 10)
    for budget in (2.9, 9.1, np.nan):
        with pytest.raises(ValueError, match="budget must lie between the first exit's 3 MACs"):
            index_for_budget(points, budget, MACS)
    for drop in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="drop must be a fraction"):
            index_for_drop(points, drop)
