"""Radix sort, least significant digit first: 64-bit keys in a fixed number of linear passes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde_core.fast._jit import serial

# The 256 places that one pass writes to at a time fit the first-level cache; 2048 do not.
_DIGIT_BITS = 8
_DIGITS = 64 // _DIGIT_BITS
_MASK = np.uint64((1 << _DIGIT_BITS) - 1)


@serial
def sort_by_key(key: NDArray[Any], value: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """``key`` ascending, equal keys in the order they came, and ``value`` along with it.

    Overwrites its arguments.

    Args:
        key: uint64 ``(K,)``. Floats of at least 0 sort like their bits.
        value: any one dtype, ``(K,)``; small items move faster.
    """
    starts = _digit_counts(key)
    key_out, value_out = np.empty_like(key), np.empty_like(value)
    for digit in range(_DIGITS):
        position = starts[digit]
        if position.max() == len(key):  # one digit for all: nothing moves
            continue
        total = 0
        for bucket in range(len(position)):
            count = position[bucket]
            position[bucket] = total
            total += count
        shift = np.uint64(digit * _DIGIT_BITS)
        for i in range(len(key)):
            digit_of_key = np.int64((key[i] >> shift) & _MASK)
            to = position[digit_of_key]
            position[digit_of_key] = to + 1
            key_out[to] = key[i]
            value_out[to] = value[i]
        key, key_out = key_out, key
        value, value_out = value_out, value
    return key, value


@serial
def _digit_counts(key: NDArray[Any]) -> NDArray[Any]:
    """How often each value of each digit occurs, ``(digits, values)``."""
    counts = np.zeros((_DIGITS, 1 << _DIGIT_BITS), dtype=np.int64)
    for i in range(len(key)):
        rest = key[i]
        for digit in range(_DIGITS):
            counts[digit, np.int64(rest & _MASK)] += 1
            rest >>= np.uint64(_DIGIT_BITS)
    return counts
