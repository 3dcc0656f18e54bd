"""Where the ascent ends no single threshold can be improved, by trying every value of each."""

import numpy as np
import pytest

from erde_core.choosing.ascent import ascend
from erde_core.choosing.images import scored_images


def random_images(seed):
    rng = np.random.default_rng(seed)
    score = np.round(rng.uniform(0, 2, (25, 4)), 1)  # ties
    score[::8, 1] = np.nan
    correct = rng.random((25, 4)) < np.linspace(0.4, 0.9, 4)
    return scored_images(score, correct, np.array([1, 2, 4, 7]), 4.0)


def worth(images, thresholds, price, budget):
    """Right answers less the price of all costs; minus infinity beyond the budget."""
    right, cost = images.outcome(thresholds)
    return right.sum() - price * cost.sum() if cost.mean() <= budget else -np.inf


@pytest.mark.parametrize(
    ("price", "budget"), [(0.0, 3.0), (0.1, np.inf), (0.02, 5.0), (1.0, np.inf)]
)
@pytest.mark.parametrize("seed", range(6))
def test_no_other_value_of_one_threshold_is_better(seed, price, budget):
    images = random_images(seed)
    start = np.full(3, 4.0)  # everybody leaves at once: within every budget
    found = ascend(images, start, price, budget)
    reached = worth(images, found, price, budget)
    assert reached >= worth(images, start, price, budget)
    for e in range(3):
        for value in (0.0, *np.arange(0.05, 2.1, 0.1), 4.0):
            other = found.copy()
            other[e] = value
            assert worth(images, other, price, budget) <= reached + 1e-9


def test_a_high_price_makes_everybody_leave_at_once():
    images = random_images(0)
    _, cost = images.outcome(ascend(images, np.zeros(3), 10.0, np.inf))
    assert (cost == 1).all()
