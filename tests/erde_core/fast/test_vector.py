"""Integer keys that order numbers, and sums that may be regrouped."""

import itertools

import numpy as np
import pytest
from numba import njit

from erde_core.fast._vector import add_in_any_order, from_order_key, larger, order_key


@njit
def key_of(number):
    return order_key(number)


@njit
def number_of(key):
    return from_order_key(key)


@njit
def larger_of(left, right):
    return larger(left, right)


@njit
def total(values):
    result = 0.0
    for value in values:
        result = add_in_any_order(result, value)
    return result


def with_both_signs(dtype):
    limits = np.finfo(dtype)
    steps = [limits.smallest_subnormal, limits.tiny, 1, 1 + limits.eps, 3, limits.max, np.inf]
    positive = np.array(steps, dtype=dtype)
    return np.concatenate([-positive[::-1], np.array([-0.0, 0.0], dtype=dtype), positive])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keys_sort_like_their_numbers(dtype):
    numbers = with_both_signs(dtype)
    keys = [key_of(number) for number in numbers]
    assert keys[0] == 0
    assert all(a < b for a, b in itertools.pairwise(keys))
    decoded = np.array([number_of(dtype(0).view(f"u{dtype().itemsize}") + key) for key in keys])
    assert np.array_equal(decoded, numbers)


@pytest.mark.parametrize("bits", [np.uint32, np.uint64])
def test_every_nan_sorts_above_infinity(bits):
    dtype = np.dtype(f"f{bits().itemsize}").type
    quiet = np.array(np.nan, dtype=dtype).view(bits)
    sign = bits(1) << bits(8 * bits().itemsize - 1)
    for pattern in (quiet, quiet | bits(77), quiet | sign, quiet | sign | bits(77), ~bits(0)):
        assert key_of(np.array(pattern, dtype=bits).view(dtype)[()]) > key_of(dtype(np.inf))


def test_larger_compares_without_signs():
    assert larger_of(np.uint32(2**32 - 1), np.uint32(1)) == 2**32 - 1
    assert larger_of(np.uint64(3), np.uint64(2**63)) == 2**63


def test_sum_keeps_infinities_and_nan():
    values = np.ones(1001)
    assert total(values) == 1001
    values[500] = np.inf
    assert total(values) == np.inf
    values[7] = np.nan
    assert np.isnan(total(values))
