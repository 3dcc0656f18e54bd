"""A sweep's order, computed once for many weightings of the same samples.

Resampling gives each sample a whole number of copies. That changes how much a step of the curve
gains and saves, never the order of the steps, so each resample costs a running sum and no sort.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.errors import ErdeError
from erde_core.exit_changes import exit_changes, stable_order
from erde_core.sweep import checked_sweep_arguments, thresholds_between


@dataclass(frozen=True)
class SortedSteps:
    """What a rising threshold changes, in order: J steps between K operating points.

    Attributes:
        sample: who moves, int64 ``(J,)``.
        gain: its answer becomes right (1), wrong (-1) or stays (0), int64 ``(J,)``.
        saving: multiply-accumulates that it saves, int64 ``(J,)``, at least 0.
        point: how many of the steps each operating point has made, int64 ``(K,)``, from 0 to J.
        threshold: in the score's unit, float64 ``(K,)``, strict to loose.
        right: whether the last exit is right, int64 ``(N,)``.
        full_macs: multiply-accumulates to the last exit.
    """

    sample: NDArray[np.int64]
    gain: NDArray[np.int64]
    saving: NDArray[np.int64]
    point: NDArray[np.int64]
    threshold: NDArray[np.float64]
    right: NDArray[np.int64]
    full_macs: int


def sorted_steps(
    score: ArrayLike,
    correct: ArrayLike,
    macs: ArrayLike,
    classes: int | None = None,
    *,
    largest: float | None = None,
) -> SortedSteps:
    """The steps of :func:`erde_core.sweep`; same arguments, points, thresholds and errors."""
    score, correct, macs, largest = checked_sweep_arguments(score, correct, macs, classes, largest)
    changes = exit_changes(score, correct)
    order = stable_order(changes.moment, largest)
    moment = changes.moment[order]
    exit_to, exit_from = changes.exit_to[order], changes.exit_from[order]
    last = np.flatnonzero(np.append(moment[1:] != moment[:-1], len(moment) > 0))
    return SortedSteps(
        np.nonzero(changes.passes)[1][order],
        changes.gained[order].astype(np.int64),
        macs[exit_from] - macs[exit_to],
        np.append(0, last + 1),
        thresholds_between(moment[last], largest),
        correct[:, -1].astype(np.int64),
        int(macs[-1]),
    )


def weighted_curves(
    steps: SortedSteps, weights: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy and mean MACs at every point, for each weighting of the samples.

    Args:
        steps: of one network.
        weights: copies of each sample, whole numbers ``(R, N)``, at least one copy per row.

    Returns:
        accuracy (fraction) and mean MACs, float64 ``(R, K)`` each.

    Raises:
        ValueError: weights are not whole numbers, negative, of the wrong length, or all 0, or the
            MACs of all copies add up to 2^63 or more.
    """
    weights = checked_weights(weights, len(steps.right))
    check_sums(steps, weights)
    total = weights.sum(axis=1, keepdims=True)
    saved = _running(weights, steps, steps.saving)
    return weighted_right(steps, weights) / total, steps.full_macs - saved / total


def weighted_right(steps: SortedSteps, weights: ArrayLike) -> NDArray[np.int64]:
    """Copies answered rightly at every point, int64 ``(R, K)``; as :func:`weighted_curves`."""
    weights = checked_weights(weights, len(steps.right))
    return (weights @ steps.right)[:, None] + _running(weights, steps, steps.gain)


def checked_weights(weights: ArrayLike, samples: int) -> NDArray[np.int64]:
    """``weights`` as int64 ``(R, samples)``; raises what :func:`weighted_curves` documents."""
    array = np.asarray(weights)
    if array.dtype.kind not in "iu":
        raise ErdeError(f"weights must be whole numbers, got dtype {array.dtype}")
    if array.ndim != 2 or array.shape[1] != samples:
        raise ErdeError(f"weights must have shape (R, {samples}), got {array.shape}")
    if (array < 0).any() or not array.any(axis=1).all():
        raise ErdeError("weights must be >= 0 and not all 0 in a row, got a row that is not so")
    return array.astype(np.int64, copy=False)


def check_sums(steps: SortedSteps, weights: NDArray[np.int64]) -> None:
    """The MACs of all copies fit a 64-bit integer; raises what :func:`weighted_curves` documents"""
    copies = int(weights.sum(axis=1).max(initial=0))
    checks.summable("macs of the last exit", steps.full_macs, copies)


def _running(weights: NDArray[Any], steps: SortedSteps, change: NDArray[Any]) -> NDArray[np.int64]:
    moved = weights[:, steps.sample] * change
    sums = np.zeros((len(weights), len(change) + 1), dtype=np.int64)
    np.cumsum(moved, axis=1, out=sums[:, 1:])
    return sums[:, steps.point]
