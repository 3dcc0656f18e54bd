"""The sort of the sweep."""

import numpy as np
import pytest

from erde_core.fast._radix import sort_by_key


@pytest.mark.parametrize("size", [0, 1, 2, 5000])
@pytest.mark.parametrize("highest", [1, 2**8, 2**20, 2**64 - 1])
def test_sorts_keys_and_keeps_equal_ones_in_order(size, highest):
    key = np.random.default_rng(0).integers(0, highest, size, dtype=np.uint64, endpoint=True)
    order = np.argsort(key, kind="stable")
    expected = key[order]
    sorted_key, value = sort_by_key(key.copy(), np.arange(size, dtype=np.uint32))
    assert np.array_equal(sorted_key, expected)
    assert np.array_equal(value, order)
