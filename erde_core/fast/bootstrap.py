"""Compiled twin of ``resampled_curves``: same arguments, outcome and errors."""

import math
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import ArrayLike, NDArray

from erde_core.fast._jit import serial, threaded
from erde_core.statistics.bootstrap import checked_arguments
from erde_core.statistics.sorted_steps import SortedSteps


def resampled_curves(
    steps: SortedSteps, weights: ArrayLike, budgets: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """See :func:`erde_core.statistics.bootstrap.resampled_curves`."""
    weights, budgets = checked_arguments(steps, weights, budgets)
    accuracy, area = np.empty((len(weights), len(budgets))), np.empty(len(weights))
    _all_rows(
        steps.sample,
        steps.gain,
        steps.saving,
        steps.point,
        steps.right,
        steps.full_macs,
        weights,
        budgets,
        accuracy,
        area,
    )
    return accuracy, area


@threaded
def _all_rows(
    sample: NDArray[Any],
    gain: NDArray[Any],
    saving: NDArray[Any],
    point: NDArray[Any],
    last_right: NDArray[Any],
    full_macs: int,
    weights: NDArray[Any],
    budgets: NDArray[Any],
    accuracy: NDArray[Any],
    area: NDArray[Any],
) -> None:
    for r in prange(len(weights)):
        copies = weights[r]
        total, right, saved = copies.sum(), 0, 0
        for n in range(len(copies)):
            right += copies[n] * last_right[n]
        for j in range(len(sample)):
            right += copies[sample[j]] * gain[j]
            saved += copies[sample[j]] * saving[j]
        area[r] = _one_row(
            copies,
            sample,
            gain,
            saving,
            point,
            right,
            saved,
            total,
            full_macs,
            budgets,
            accuracy[r],
        )


@serial
def _one_row(
    copies: NDArray[Any],
    sample: NDArray[Any],
    gain: NDArray[Any],
    saving: NDArray[Any],
    point: NDArray[Any],
    right: int,
    saved: int,
    total: int,
    full_macs: int,
    budgets: NDArray[Any],
    accuracy: NDArray[Any],
) -> float:
    """Walk from the loosest point to the strictest, dearer at each step; returns the area."""
    best, filled, area = math.nan, 0, 0.0
    cheapest = cost = full_macs - saved / total
    for k in range(len(point) - 1, -1, -1):
        if k < len(point) - 1:
            for j in range(point[k], point[k + 1]):
                right -= copies[sample[j]] * gain[j]
                saved -= copies[sample[j]] * saving[j]
        before, cost = cost, full_macs - saved / total
        while filled < len(budgets) and budgets[filled] < cost:
            accuracy[filled] = best
            filled += 1
        if k < len(point) - 1:
            area += (cost - before) * best
        if not best >= right / total:  # also where best is still NaN
            best = right / total
    accuracy[filled:] = best
    return area / (cost - cheapest) if cost > cheapest else best
