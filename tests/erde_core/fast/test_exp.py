"""The vector exponential against 40 digits, and at the ends of float64."""

import mpmath
import numpy as np
import pytest
from numba import njit

from erde_core.fast._exp import exp


@njit
def exp_of_all(x):
    """In a loop, as the loss uses it, so that the vectorised code is what is tested."""
    result = np.empty_like(x)
    for i in range(x.size):
        result[i] = exp(x[i])
    return result


@pytest.mark.parametrize("lowest", [1e-300, 1e-3, 1.0, 50.0, 708.0])
def test_error_stays_within_what_the_docstring_says(lowest):
    x = -lowest * np.random.default_rng(0).random(3000)
    with mpmath.workdps(40):
        exact = [mpmath.exp(mpmath.mpf(value)) for value in x]
        error = [abs(found / e - 1) for found, e in zip(exp_of_all(x), exact, strict=True)]
    assert (np.array(error, dtype=float) <= 2.5e-16 + 2e-17 * np.abs(x)).all()


def test_halfway_between_powers_of_two():
    x = -(np.arange(1000) + 0.5) * np.log(2)
    edges = np.concatenate([x, np.nextafter(x, 0), np.nextafter(x, -np.inf)])
    normal = edges[edges > -708]
    assert np.allclose(exp_of_all(normal), np.exp(normal), rtol=2e-14, atol=0)


def test_subnormal_results_are_rounded_once():
    x = np.linspace(-744.5, -708.4, 2000)
    smallest = 5e-324
    assert (np.abs(exp_of_all(x) - np.exp(x)) <= 2e-14 * np.exp(x) + smallest).all()


def test_ends_of_the_range():
    x = np.array([0.0, -0.0, -5e-324, -746.0, -1e4, -1e300, -np.inf, np.nan])
    expected = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, np.nan])
    assert np.array_equal(exp_of_all(x), expected, equal_nan=True)
