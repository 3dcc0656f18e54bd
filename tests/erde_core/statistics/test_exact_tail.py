"""The binomial tail behind a certificate against rational arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest

from erde_core.certify import certified_index, certified_threshold
from erde_core.statistics.exact_tail import critical_count, units_needed

EPSILONS = [*np.linspace(0.005, 0.995, 23).tolist(), 0.5, 0.25, 0.125, 1 / 3, 0.01, 0.02]


def rational_count(units, epsilon, delta):
    """The largest k whose tail is at most delta, in exact fractions."""
    epsilon, delta, tail = Fraction(epsilon), Fraction(delta), Fraction(0)
    for k in range(units + 1):
        tail += math.comb(units, k) * epsilon**k * (1 - epsilon) ** (units - k)
        if tail > delta:
            return k - 1
    return units


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_enough_units_means_the_same_everywhere(epsilon):
    harmless, power = 1 - Fraction(epsilon), Fraction(1)
    for units in range(1, 200):
        power *= harmless  # the tail at 0 harmed, where the two definitions once parted
        for delta in (np.nextafter(float(power), 0), float(power), np.nextafter(float(power), 1)):
            if 0 < delta < 1:
                enough = power <= Fraction(float(delta))
                assert (critical_count(units, epsilon, float(delta)) >= 0) == enough
                assert (units_needed(epsilon, float(delta)) <= units) == enough


@pytest.mark.parametrize("epsilon", [0.5, 0.25, 0.05, 0.1, 0.9])
@pytest.mark.parametrize("units", [1, 2, 7, 30, 61])
def test_a_delta_that_is_a_tail_itself_or_next_to_one(units, epsilon):
    tail = Fraction(0)
    for k in range(units):
        term = math.comb(units, k) * Fraction(epsilon) ** k
        tail += term * (1 - Fraction(epsilon)) ** (units - k)
        for delta in (np.nextafter(float(tail), 0), float(tail), np.nextafter(float(tail), 1)):
            if 0 < delta < 1:
                found = critical_count(units, epsilon, float(delta))
                assert found == rational_count(units, epsilon, float(delta))


def test_far_from_any_tie_and_at_the_ends_of_float64():
    rng = np.random.default_rng(0)
    for _ in range(60):
        units, epsilon = int(rng.integers(0, 120)), float(rng.uniform(1e-6, 1))
        delta = float(10 ** rng.uniform(-300, 0))
        assert critical_count(units, epsilon, delta) == rational_count(units, epsilon, delta)
    assert critical_count(1074, 0.5, 5e-324) == 0
    assert critical_count(1073, 0.5, 5e-324) == -1
    assert units_needed(0.5, 5e-324) == 1074
    assert units_needed(1e-17, 0.05) == 299573227355399071  # by 80 digits: …070.86
    assert units_needed(1e-300, 0.5) / 1e300 == pytest.approx(math.log(2), rel=1e-15)
    assert units_needed(0.9999999, 0.999) == 1


def test_three_harmed_of_three_are_not_certified():
    entropy, correct = [[0.1, 0], [0.2, 0], [0.3, 0]], [[False, True]] * 3
    found = certified_threshold(entropy, correct, 10, epsilon=0.5, delta=0.125)
    assert (found.threshold, found.harmed, found.units) == (0.0, 0, 3)
    for epsilon, delta in ((0.5, np.nextafter(0.125, 0)), (np.nextafter(0.5, 0), 0.125)):
        with pytest.raises(ValueError, match=r"must be at least 4 to certify .* got 3 independent"):
            certified_threshold(entropy, correct, 10, epsilon=epsilon, delta=delta)


def test_no_certificate_without_a_critical_count():
    harmed = np.array([[0, 1, 2]])
    assert certified_index(harmed, 0).tolist() == [0]
    with pytest.raises(ValueError, match="critical must be at least 0 to certify anything, got -1"):
        certified_index(harmed, -1)
    for epsilon, delta in ((0.0, 0.1), (0.1, 1.0), (math.nan, 0.1)):
        for function in (lambda e, d: critical_count(9, e, d), units_needed):
            with pytest.raises(ValueError, match="must lie strictly between 0 and 1"):
                function(epsilon, delta)
    with pytest.raises(ValueError, match="units must be at least 0, got -1"):
        critical_count(-1, 0.1, 0.1)
