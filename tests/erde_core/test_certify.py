"""Certified thresholds: what they guarantee, by simulation, and the exact tail behind them."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from erde_core import exit_indices
from erde_core.certify import (
    certified_index,
    certified_threshold,
    critical_count,
    harm_counts,
    harm_steps,
    units_needed,
)

DRAWS, UNITS = 2000, 5000
LEVELS = [(0.01, 0.05), (0.02, 0.1), (0.05, 0.2)]  # (epsilon, delta)


def real_exits():
    """Entropies and answers of a trained student on 1,000 images: a population to draw from."""
    with np.load(Path(__file__).parents[1] / "data/digits_exits.npz") as file:
        correct = np.unpackbits(file["correct"], axis=1)[:, :4].astype(bool)
        return file["entropy"].astype(float), correct


def plateau(epsilon):
    """Risk climbs to 1.02 epsilon and stays, while those who are harmed change all the time.

    Sample i is harmed from its entropy at exit 1 (wrong) to that at exit 0 (right). At the end
    the others leave at exit 0, wrongly.
    """
    start = np.arange(4000) / 4000
    churning = np.arange(4000) % 20 < 17  # 0.85 = 1.02 / 1.2 of them
    first = np.where(churning, start + 1.2 * epsilon, 1 + start / 100)
    second = np.where(churning, start, 2)
    correct = np.column_stack([churning, ~churning, np.ones(4000, bool)])
    return np.column_stack([first, second, np.zeros(4000)]), correct


def bump(epsilon):
    """Risk climbs to 1.3 epsilon, falls to almost nothing, and climbs again beyond all bounds."""
    size = 6000
    harmed = int(1.3 * epsilon * size)
    entropy, correct = np.full((size, 3), 1.0), np.ones((size, 3), bool)
    entropy[:harmed, 1] = 0.1 + 0.1 * np.arange(harmed) / harmed
    entropy[:harmed, 0] = 0.3 + 0.1 * np.arange(harmed) / harmed
    entropy[harmed:, 0] = 0.5 + 0.5 * np.arange(size - harmed) / size
    correct[:harmed, 1] = False
    correct[harmed::3, 0] = False
    return entropy, correct


POPULATIONS = {"real": lambda epsilon: real_exits(), "plateau": plateau, "bump": bump}


def simulate(population, epsilon, delta, choose):
    """The true risk of the point that ``choose`` picks in each draw, and the true risk curve."""
    entropy, correct = population
    steps = harm_steps(entropy, correct, 10)
    everyone = np.ones((1, len(entropy)), dtype=np.int64)
    risk = harm_counts(steps, everyone)[0] / len(entropy)
    rng = np.random.default_rng(5)
    chosen = []
    for _ in range(DRAWS // 100):
        draws = rng.multinomial(UNITS, np.full(len(entropy), 1 / len(entropy)), size=100)
        chosen.append(choose(harm_counts(steps, draws), critical_count(UNITS, epsilon, delta)))
    return np.concatenate(chosen), risk, steps


def largest_passing(harmed, critical):
    """What must not be done: the loosest point that passes its own test."""
    return harmed.shape[1] - 1 - (harmed <= critical)[:, ::-1].argmax(axis=1)


def allowed_violations(delta):
    """delta and 3 standard errors of a share of ``DRAWS``."""
    return delta + 3 * np.sqrt(delta * (1 - delta) / DRAWS)


@pytest.mark.parametrize(("epsilon", "delta"), LEVELS)
@pytest.mark.parametrize("name", POPULATIONS)
def test_violations_are_as_rare_as_promised(name, epsilon, delta):
    chosen, risk, _ = simulate(POPULATIONS[name](epsilon), epsilon, delta, certified_index)
    assert (risk[chosen] > epsilon).mean() <= allowed_violations(delta)


@pytest.mark.parametrize(("epsilon", "delta"), LEVELS)
def test_the_largest_passing_threshold_breaks_the_promise(epsilon, delta):
    chosen, risk, _ = simulate(plateau(epsilon), epsilon, delta, largest_passing)
    assert (risk[chosen] > epsilon).mean() > 2 * allowed_violations(delta)


@pytest.mark.parametrize(("epsilon", "delta"), LEVELS)
def test_most_of_the_possible_saving_is_kept(epsilon, delta):
    entropy, correct = real_exits()
    chosen, risk, steps = simulate((entropy, correct), epsilon, delta, certified_index)
    saving = np.append(0, np.cumsum(steps.saving))[steps.point] / len(entropy)
    assert saving[chosen].mean() >= 0.7 * saving[risk <= epsilon].max()


def test_one_draw_is_what_the_public_function_does():
    entropy, correct = real_exits()
    found = certified_threshold(entropy, correct, 10, epsilon=0.02, delta=0.1)
    left_at = exit_indices(entropy, found.threshold)
    harmed = ~correct[np.arange(1000), left_at] & correct[:, -1]
    assert found.harmed == harmed.sum() <= critical_count(1000, 0.02, 0.1)
    # One entropy further, the test fails.
    beyond = np.minimum.accumulate(entropy[:, :-1], axis=1)
    beyond = beyond[beyond > found.threshold].min()
    left_at = exit_indices(entropy, np.nextafter(beyond, 9))
    harmed = ~correct[np.arange(1000), left_at] & correct[:, -1]
    assert harmed.sum() > critical_count(1000, 0.02, 0.1)


@pytest.mark.parametrize("units", [1, 45, 400, 5000])
@pytest.mark.parametrize(("epsilon", "delta"), LEVELS)
def test_the_tail_is_exact(units, epsilon, delta):
    passing = binom.cdf(np.arange(units + 1), units, epsilon) <= delta
    assert critical_count(units, epsilon, delta) == passing.sum() - 1


def test_the_units_needed_are_those_that_certify_without_harm():
    for epsilon, delta in LEVELS:
        needed = units_needed(epsilon, delta)
        assert critical_count(needed, epsilon, delta) == 0
        assert critical_count(needed - 1, epsilon, delta) == -1


def test_groups_are_the_units():
    entropy, correct = real_exits()
    # Five copies of each image are no more evidence than one.
    once = certified_threshold(entropy, correct, 10, epsilon=0.05, delta=0.1)
    copies = certified_threshold(
        np.repeat(entropy, 5, axis=0),
        np.repeat(correct, 5, axis=0),
        10,
        epsilon=0.05,
        delta=0.1,
        group=np.repeat(np.arange(1000), 5),
    )
    assert copies == once


def test_bad_input_is_named():
    entropy, correct = real_exits()
    for name, epsilon, delta in (("epsilon", 0.0, 0.1), ("delta", 0.1, 1.0), ("delta", 0.1, -1)):
        with pytest.raises(ValueError, match=f"{name} must lie strictly between 0 and 1"):
            certified_threshold(entropy, correct, 10, epsilon=epsilon, delta=delta)
    with pytest.raises(ValueError, match=r"at least 230 to certify epsilon = 0\.01"):
        certified_threshold(entropy[:229], correct[:229], 10, epsilon=0.01, delta=0.1)
    with pytest.raises(ValueError, match="group must have shape"):
        certified_threshold(entropy, correct, 10, epsilon=0.1, delta=0.1, group=[1])
