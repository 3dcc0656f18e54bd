"""Compiled twin of ``erde_core.sweep``: same name, arguments, outcome (bit for bit) and errors."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core.fast._jit import serial
from erde_core.fast._layout import read_only
from erde_core.fast._radix import sort_by_key
from erde_core.sweep import OperatingPoints, checked_sweep_arguments
from erde_core.sweep import sweep as reference_sweep

# A change in 32 bits: new exit, old exit, gain + 1.
_EXIT_BITS = 15
_EXIT_MASK = (1 << _EXIT_BITS) - 1
_GAIN = 2 * _EXIT_BITS


def sweep(
    score: ArrayLike,
    correct: ArrayLike,
    macs: ArrayLike,
    classes: int | None = None,
    *,
    largest: float | None = None,
) -> OperatingPoints:
    """See :func:`erde_core.sweep`."""
    score, correct, macs, largest = checked_sweep_arguments(score, correct, macs, classes, largest)
    if len(macs) > _EXIT_MASK:  # a change has no room for more exits
        return reference_sweep(score, correct, macs, largest=largest)
    correct = read_only(correct)
    moment, change = _exit_changes(read_only(score), correct)
    moment, change = sort_by_key(moment, change)
    threshold, right, mean_macs, share = _accumulate(
        moment.view(np.float64),
        change,
        int(correct[:, -1].sum()),
        len(score),
        read_only(macs),
        largest,
    )
    return OperatingPoints(threshold, right, mean_macs, share)


@serial
def _exit_changes(score: NDArray[Any], correct: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where a rising threshold moves a sample: score passed, and (gain, old exit, new exit).

    The three small integers share one word of 32 bits: the sort moves less memory.
    """
    samples, exits = score.shape
    moment = np.empty(samples * (exits - 1), dtype=np.float64)
    change = np.empty(samples * (exits - 1), dtype=np.uint32)
    size = 0
    for n in range(samples):
        lowest, first = math.inf, size
        for e in range(exits - 1):
            if score[n, e] < lowest:
                lowest = score[n, e]
                moment[size] = lowest + 0.0  # -0.0 becomes 0.0, whose bits sort first
                change[size] = e
                size += 1
        # At its lowest minimum a sample leaves the last exit; at each other minimum it leaves the
        # exit of the next lower one.
        for i in range(first, size):
            new = change[i]
            old = change[i + 1] if i + 1 < size else np.uint32(exits - 1)
            gain = np.int64(correct[n, new]) - np.int64(correct[n, old])
            change[i] = ((gain + 1) << _GAIN) | (old << _EXIT_BITS) | new
    return moment[:size].view(np.uint64), change[:size]


@serial
def _accumulate(
    moment: NDArray[Any],
    change: NDArray[Any],
    right: int,
    samples: int,
    macs: NDArray[Any],
    loosest: float,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Thresholds, accuracies, mean MACs and exit shares from the sorted changes."""
    points = 1
    for i in range(len(moment)):
        points += i == 0 or moment[i] != moment[i - 1]
    threshold, accuracy, cost = np.empty(points), np.empty(points), np.empty(points)
    share = np.empty((points, len(macs)))
    count = np.zeros(len(macs), dtype=np.int64)
    count[-1] = samples
    total, i = samples * macs[-1], 0
    for k in range(points):
        accuracy[k], cost[k] = right / samples, total / samples
        for e in range(len(macs)):
            share[k, e] = count[e] / samples
        threshold[k] = _between(moment, i, loosest)
        here = i
        while i < len(moment) and moment[i] == moment[here]:
            word = np.int64(change[i])
            new, old = word & _EXIT_MASK, (word >> _EXIT_BITS) & _EXIT_MASK
            right += int(word >> _GAIN) - 1
            count[new] += 1
            count[old] -= 1
            total += macs[new] - macs[old]
            i += 1
    return threshold, accuracy, cost, share


@serial
def _between(moment: NDArray[Any], i: int, loosest: float) -> float:
    """A threshold that passes the first ``i`` of the sorted scores and no more."""
    if i == 0:
        return 0.0
    if i == len(moment):
        return loosest
    lower, upper = float(moment[i - 1]), float(moment[i])
    middle = lower + (upper - lower) / 2
    return middle if middle > lower else upper
