"""Choosing thresholds on the validation split: for a budget, or for an allowed drop in accuracy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core.choosing.ascent import ascend
from erde_core.choosing.geometric import geometric_start
from erde_core.choosing.greedy import greedy_path
from erde_core.choosing.images import ScoredImages, scored_images
from erde_core.errors import ErdeError
from erde_core.sweep import OperatingPoints, best_index, checked_sweep_arguments, sweep

_PRICES = 8  # trade-offs between accuracy and cost from which the search starts
_BLOCKS = 64  # moves of the coarser greedy search per exit; the finer one moves single images


def index_for_budget(points: OperatingPoints, budget: float, macs: ArrayLike) -> int:
    """The most accurate point at or under a budget; of equals the cheapest, then the loosest.

    Args:
        points: of one network on the validation split.
        budget: mean multiply-accumulates per image.
        macs: of that network's exits, ``(E,)``.

    Raises:
        ValueError: the budget is below the first exit's MACs or above the last one's.
    """
    check_budget(budget, macs)
    index = best_index(points, budget)
    if index is None:
        raise ErdeError(
            f"budget must reach the cheapest point, which costs {points.mean_macs.min():g} MACs, "
            f"got {budget:g}"
        )
    return index


def index_for_drop(points: OperatingPoints, drop: float) -> int:
    """The cheapest point at most ``drop`` (a fraction) less accurate than the full network.

    Of equally cheap points the most accurate, of equal ones the loosest.

    Raises:
        ValueError: the drop is negative, not a number, or above 1.
    """
    if not 0 <= drop <= 1:
        raise ErdeError(f"drop must be a fraction 0 … 1, got {drop!r}")
    # Accuracies are counts over N: the slack absorbs rounding and is far below one image.
    allowed = np.flatnonzero(points.accuracy >= points.accuracy[0] - drop - 1e-12)
    found = points.take(allowed)
    order = np.lexsort((-found.threshold, -found.accuracy, found.mean_macs))
    return int(allowed[order[0]])


def check_budget(budget: float, macs: ArrayLike) -> None:
    """Refuse a budget that no threshold can meet, or that no threshold is needed for."""
    first, last = float(np.asarray(macs)[0]), float(np.asarray(macs)[-1])
    if not first <= budget <= last:
        raise ErdeError(
            f"budget must lie between the first exit's {first:g} MACs and the full network's "
            f"{last:g}, got {budget:g}"
        )


def thresholds_for_budget(
    score: ArrayLike,
    correct: ArrayLike,
    macs: ArrayLike,
    classes: int | None,
    budget: float,
    *,
    largest: float | None = None,
) -> NDArray[np.float64]:
    """One threshold per early exit for a budget; see :func:`thresholds_for_budgets`.

    Returns:
        in the score's unit, float64 ``(E - 1,)``.
    """
    found = thresholds_for_budgets(score, correct, macs, classes, [budget], largest=largest)
    thresholds: NDArray[np.float64] = found[0]
    return thresholds


def thresholds_for_budgets(
    score: ArrayLike,
    correct: ArrayLike,
    macs: ArrayLike,
    classes: int | None,
    budgets: Sequence[float],
    *,
    largest: float | None = None,
) -> NDArray[np.float64]:
    """One threshold per early exit for each budget: on these images never worse than simpler ways.

    The simpler ways are the best single threshold, MSDNet's geometric shares
    (:mod:`erde_core.choosing.geometric`) and a greedy search (:mod:`erde_core.choosing.greedy`).
    Coordinate ascent starts from each of them and from the best that ascents at several prices of
    a MAC have found, and the best of its ends is taken. A local optimum, not a proven global one.

    Args:
        score, correct, macs, classes, largest: as for :func:`erde_core.sweep`.
        budgets: mean multiply-accumulates per image, B of them; each is answered as if alone.

    Returns:
        in the score's unit, float64 ``(B, E - 1)``.

    Raises:
        ValueError: as :func:`erde_core.sweep` and :func:`index_for_budget`.
    """
    score, correct, macs, largest = checked_sweep_arguments(score, correct, macs, classes, largest)
    for budget in budgets:
        check_budget(budget, macs)
    points = sweep(score, correct, macs, largest=largest)
    images = scored_images(score, correct, macs, largest)
    blocks = sorted({1, max(1, len(score) // _BLOCKS)})
    paths = [greedy_path(images, block) for block in blocks]
    priced = _priced(images, points)
    found = np.empty((len(budgets), len(macs) - 1))
    for row, budget in zip(found, budgets, strict=True):
        single = points.threshold[index_for_budget(points, budget, macs)]
        starts = [np.full(len(macs) - 1, single), geometric_start(images, budget)]
        starts += [path.start(images, budget) for path in paths]
        starts.append(max(priced, key=lambda thresholds: images.value(thresholds, budget)))
        ends = [ascend(images, start, 0.0, budget) for start in starts if start is not None]
        row[:] = max(ends, key=lambda thresholds: images.value(thresholds, budget))
    return found


def _priced(images: ScoredImages, points: OperatingPoints) -> list[NDArray[np.float64]]:
    """Where ascents without a budget end, at several prices of a MAC."""
    spread = np.ptp(points.accuracy) / max(np.ptp(points.mean_macs), 1)
    middle = points.threshold[len(points) // 2]
    return [
        ascend(images, np.full(len(images.macs) - 1, start), price, np.inf)
        for price in spread * 2.0 ** np.arange(-_PRICES // 2, _PRICES // 2)
        for start in (middle, 0.0, points.threshold[-1])
    ]
