"""The starts of the search are the published heuristics, and what it finds is never below them."""

import numpy as np
import pytest

from erde_core import exit_indices
from erde_core.choose import index_for_budget, thresholds_for_budgets
from erde_core.choosing.geometric import geometric_start, geometric_thresholds
from erde_core.choosing.greedy import greedy_path
from erde_core.choosing.images import scored_images
from erde_core.sweep import sweep
from tests.erde_core.choosing.plain import accuracy_and_cost, geometric, greedy, networks

NETWORKS = list(networks())
LARGEST = 2 * np.log(10)


def budgets_of(macs):
    """20 of them, strictly between the first exit's cost and the last's."""
    return np.linspace(macs[0], macs[-1], 22)[1:-1]


@pytest.mark.parametrize("network", NETWORKS, ids=range(len(NETWORKS)))
def test_never_below_the_simpler_ways(network):
    budgets = budgets_of(network[2])
    found = thresholds_for_budgets(*network, 10, budgets)
    points = sweep(*network, 10)
    shares = [accuracy_and_cost(network, geometric(network, step / 20)) for step in range(1, 40)]
    of_greedy = greedy(network, budgets.tolist())
    for budget, thresholds in zip(budgets.tolist(), found, strict=True):
        accuracy, cost = accuracy_and_cost(network, thresholds)
        assert cost <= budget
        assert accuracy >= points.accuracy[index_for_budget(points, budget, network[2])]
        assert accuracy >= max((a for a, c in shares if c <= budget), default=0)
        assert accuracy >= of_greedy[budget]


@pytest.mark.parametrize("seed", [138, 205, 448, 796, 858, 879])
def test_not_even_where_every_other_start_ends_below_the_geometric_shares(seed):
    """Found by a search over random networks; the ascents from all other starts lose an image."""
    rng = np.random.default_rng(seed)
    samples, exits = int(rng.integers(20, 60)), 5
    score = rng.uniform(0, 2, (samples, exits))
    correct = rng.random((samples, exits)) < np.linspace(0.4, 0.9, exits)
    network = score, correct, np.cumsum(rng.integers(1, 9, exits))
    budgets = np.linspace(network[2][0], network[2][-1], 8)[1:-1]
    shares = [accuracy_and_cost(network, geometric(network, step / 20)) for step in range(1, 40)]
    found = thresholds_for_budgets(*network, 10, budgets)
    for budget, thresholds in zip(budgets, found, strict=True):
        accuracy, _ = accuracy_and_cost(network, thresholds)
        assert accuracy >= max((a for a, c in shares if c <= budget), default=0)


@pytest.mark.parametrize("network", NETWORKS[:2], ids=["thousand", "demonstration"])
@pytest.mark.parametrize("q", [0.05, 0.7, 1.0, 1.95])
def test_geometric_shares_are_those_of_the_published_loop(network, q):
    images = scored_images(*network, LARGEST)
    found = exit_indices(network[0], geometric_thresholds(images, q))
    assert np.array_equal(found, exit_indices(network[0], geometric(network, q)))


def test_geometric_start_is_the_most_accurate_q_within_the_budget():
    network = NETWORKS[0]
    images = scored_images(*network, LARGEST)
    for budget in budgets_of(network[2]):
        accuracy, cost = accuracy_and_cost(network, geometric_start(images, budget))
        shares = [
            accuracy_and_cost(network, geometric(network, q)) for q in np.geomspace(0.05, 20, 99)
        ]
        assert cost <= budget
        # Between two of these q the shares differ by images; the start has tried about as many.
        assert accuracy >= max(a for a, c in shares if c <= budget) - 0.004


@pytest.mark.parametrize("network", NETWORKS[:3], ids=range(3))
def test_single_moves_are_the_greedy_search(network):
    images, budgets = scored_images(*network, LARGEST), budgets_of(network[2]).tolist()
    path, expected = greedy_path(images, 1), greedy(network, budgets)
    for budget in budgets:
        accuracy, cost = accuracy_and_cost(network, path.start(images, budget))
        assert cost <= budget
        assert accuracy == expected[budget]


@pytest.mark.parametrize("block", [1, 7])
def test_each_place_of_the_path_counts_what_its_thresholds_do(block):
    rng = np.random.default_rng(3)
    score = np.round(rng.uniform(0, 2, (60, 4)), 1)  # ties
    score[::9, 1] = np.nan
    network = score, rng.random((60, 4)) < 0.6, np.array([2, 2, 5, 9])
    images = scored_images(*network, LARGEST)
    path = greedy_path(images, block)
    for passed, right, cost in zip(path.passed, path.right, path.cost, strict=True):
        thresholds = np.array([images.passing(e, n) for e, n in enumerate(passed.tolist())])
        accuracy, mean_cost = accuracy_and_cost(network, thresholds)
        assert (accuracy * 60, mean_cost * 60) == pytest.approx((right, cost))
    assert (np.diff(path.cost) <= 0).all()
    assert exit_indices(score, thresholds)[score[:, 0] < 9].max() == 0


def test_the_best_move_is_the_one_that_wins_most_per_mac_not_most():
    """Both exits win the image; the second saves less, so that it wins more per MAC."""
    alone = scored_images(
        np.zeros((1, 3)), np.array([[True, True, False]]), np.array([1, 5, 7]), LARGEST
    )
    assert greedy_path(alone, 1).passed.tolist() == [[0, 0], [0, 1], [1, 1]]


def test_one_exit_and_budgets_that_only_one_place_meets():
    alone = scored_images(np.zeros((4, 1)), np.ones((4, 1), bool), np.array([7]), LARGEST)
    assert greedy_path(alone, 1).start(alone, 7.0).shape == (0,)
    assert greedy_path(alone, 1).start(alone, 6.0) is None
    assert geometric_start(alone, 6.0) is None
    never = scored_images(np.full((4, 2), np.nan), np.ones((4, 2), bool), np.array([1, 7]), LARGEST)
    assert geometric_start(never, 7.0).tolist() == [0.0]
    assert geometric_start(never, 6.0) is None
    assert greedy_path(never, 1).cost.tolist() == [28]


def test_where_the_next_image_never_leaves_all_that_can_are_let_pass():
    score = np.array([[0.1, 0.0], [np.nan, 0.0], [0.2, 0.0]])
    images = scored_images(score, np.ones((3, 2), bool), np.array([1, 2]), LARGEST)
    assert images.passing(0, 2) == LARGEST
