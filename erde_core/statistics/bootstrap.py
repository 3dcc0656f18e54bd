"""Bootstrap of operating curves: what other test images would have made of them.

Whole groups are drawn with replacement. All networks of a comparison get the same weights: they
answered the same images, and pairing them takes the images' common luck out of a difference.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core.errors import ErdeError
from erde_core.statistics.sorted_steps import (
    SortedSteps,
    check_sums,
    checked_weights,
    weighted_curves,
)

_ROWS_AT_ONCE = 32  # bounds the memory of the reference at 32 · K numbers
_DRAWS_AT_ONCE = 2**18  # whatever the number of groups: 2 MiB each for draws and counts


def group_weights(group: ArrayLike, resamples: int, seed: int) -> NDArray[np.int32]:
    """Copies of each sample in each resample of the groups.

    Args:
        group: int ``(N,)``; samples that share a source share a number.
        resamples: R.
        seed: of the generator.

    Returns:
        int32 ``(R, N)``; samples of one group have equal weights, and in each row as many groups
        are drawn as there are.

    Raises:
        ValueError: no groups, or no resamples.
    """
    _, member = np.unique(np.asarray(group), return_inverse=True)
    if not len(member) or resamples < 1:
        raise ErdeError(
            "group must have at least one sample and resamples be >= 1, "
            f"got {len(member)} and {resamples}"
        )
    groups = int(member.max()) + 1
    rng = np.random.default_rng(seed)
    weights = np.empty((resamples, len(member)), dtype=np.int32)
    rows_at_once = max(1, _DRAWS_AT_ONCE // groups)
    for first in range(0, resamples, rows_at_once):  # the generator's stream knows no rows
        rows = weights[first : first + rows_at_once]
        drawn = rng.integers(groups, size=(len(rows), groups))
        drawn += groups * np.arange(len(rows))[:, None]
        counts = np.bincount(drawn.ravel(), minlength=len(rows) * groups)
        np.take(counts.astype(np.int32).reshape(len(rows), groups), member, axis=1, out=rows)
    return weights


def resampled_curves(
    steps: SortedSteps, weights: ArrayLike, budgets: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``accuracy_at`` each budget and ``area_under_curve`` for each weighting of the samples.

    Args:
        steps: of one network.
        weights: copies of each sample, whole numbers ``(R, N)``.
        budgets: mean multiply-accumulates per image, ``(B,)``, ascending.

    Returns:
        accuracy ``(R, B)``, NaN where no point is cheap enough, and area ``(R,)``, fractions.

    Raises:
        ValueError: as :func:`erde_core.statistics.sorted_steps.weighted_curves`, or budgets do
            not ascend.
    """
    weights, budgets = checked_arguments(steps, weights, budgets)
    accuracy, area = np.empty((len(weights), len(budgets))), np.empty(len(weights))
    for first in range(0, len(weights), _ROWS_AT_ONCE):
        curves = weighted_curves(steps, weights[first : first + _ROWS_AT_ONCE])
        for row, (right, cost) in enumerate(zip(*curves, strict=True), first):
            best, cost = np.maximum.accumulate(right[::-1]), cost[::-1]
            position = np.searchsorted(cost, budgets, side="right")
            accuracy[row] = np.append(np.nan, best)[position]
            span = cost[-1] - cost[0]
            area[row] = np.diff(cost) @ best[:-1] / span if span > 0 else best[-1]
    return accuracy, area


def checked_arguments(
    steps: SortedSteps, weights: ArrayLike, budgets: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The arguments of :func:`resampled_curves` as arrays; raises what it documents."""
    budgets = np.asarray(budgets, dtype=np.float64)
    if budgets.ndim != 1 or not (np.diff(budgets) >= 0).all():
        raise ErdeError(f"budgets must be a list of ascending numbers, got {budgets.tolist()}")
    weights = checked_weights(weights, len(steps.right))
    check_sums(steps, weights)
    return weights, budgets
