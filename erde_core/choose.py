"""Choosing thresholds on the validation split: for a budget, or for an allowed drop in accuracy."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core.sweep import (
    OperatingPoints,
    best_index,
    checked_sweep_arguments,
    sweep,
    thresholds_between,
)

_PRICES = 8  # trade-offs between accuracy and cost from which the search starts
_ROUNDS = 20  # of the ascent; it ends earlier where nothing improves any more


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
        raise ValueError(
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
        raise ValueError(f"drop must be a fraction 0 … 1, got {drop!r}")
    # Accuracies are counts over N: the slack absorbs rounding and is far below one image.
    allowed = np.flatnonzero(points.accuracy >= points.accuracy[0] - drop - 1e-12)
    found = points.take(allowed)
    order = np.lexsort((-found.threshold, -found.accuracy, found.mean_macs))
    return int(allowed[order[0]])


def check_budget(budget: float, macs: ArrayLike) -> None:
    """Refuse a budget that no threshold can meet, or that no threshold is needed for."""
    first, last = float(np.asarray(macs)[0]), float(np.asarray(macs)[-1])
    if not first <= budget <= last:
        raise ValueError(
            f"budget must lie between the first exit's {first:g} MACs and the full network's "
            f"{last:g}, got {budget:g}"
        )


def thresholds_for_budget(
    entropy: ArrayLike, correct: ArrayLike, macs: ArrayLike, classes: int, budget: float
) -> NDArray[np.float64]:
    """One threshold per early exit for a budget: never less accurate on these images than one θ.

    Coordinate ascent: with all other thresholds held, every value of one threshold is tried
    exactly, for the best of accuracy - price · MACs. Ascents start from the best single θ, from
    nobody and from everybody leaving, at several prices; the best of all thresholds seen within
    the budget is then refined under the budget itself. A local optimum, not a proven global one.

    Args:
        entropy, correct, macs, classes: as for :func:`erde_core.sweep`.
        budget: mean multiply-accumulates per image.

    Returns:
        nats, float64 ``(E - 1,)``.

    Raises:
        ValueError: as :func:`erde_core.sweep` and :func:`index_for_budget`.
    """
    entropy, correct, macs = checked_sweep_arguments(entropy, correct, macs, classes)
    points = sweep(entropy, correct, macs, classes)
    single = points.threshold[index_for_budget(points, budget, macs)]
    search = _Search(entropy, correct, macs, classes)
    best = np.full(len(macs) - 1, single)
    spread = np.ptp(points.accuracy) / max(np.ptp(points.mean_macs), 1)
    for price in spread * 2.0 ** np.arange(-_PRICES // 2, _PRICES // 2):
        for start in (single, 0.0, points.threshold[-1]):
            found = search.ascend(np.full(len(macs) - 1, start), price, np.inf)
            if search.score(found, budget) > search.score(best, budget):
                best = found
    return search.ascend(best, 0.0, budget)


class _Search:
    """The images of one network, and what thresholds make of them."""

    def __init__(self, entropy: NDArray, correct: NDArray, macs: NDArray, classes: int) -> None:
        early = np.where(np.isnan(entropy[:, :-1]), np.inf, entropy[:, :-1])
        self.early, self.correct, self.macs, self.classes = early, correct, macs, classes
        self.order = np.argsort(early, axis=0, kind="stable")

    def score(self, thresholds: NDArray, budget: float) -> tuple[float, float]:
        """Accuracy and minus the cost; minus infinity beyond the budget."""
        right, cost = self._outcome(thresholds, 0)
        if cost.mean() > budget:
            return -np.inf, -np.inf
        return right.mean(), -cost.mean()

    def ascend(self, thresholds: NDArray, price: float, budget: float) -> NDArray:
        """Improve one threshold after the other until none can be improved alone."""
        thresholds = thresholds.copy()
        for _ in range(_ROUNDS):
            before = thresholds.copy()
            for e in range(len(thresholds)):
                thresholds[e] = self._best_threshold(thresholds, e, price, budget)
            if np.array_equal(before, thresholds):
                break
        return thresholds

    def _best_threshold(self, thresholds: NDArray, e: int, price: float, budget: float) -> float:
        """The best value of threshold ``e``; the present one unless another is truly better."""
        arrives = (self.early[:, :e] >= thresholds[:e]).all(axis=1)
        right, cost = self._outcome(thresholds, 0)
        stays_right, stays_cost = self._outcome(thresholds, e + 1)
        sample = self.order[:, e]
        sample = sample[arrives[sample] & np.isfinite(self.early[sample, e])]
        moment = self.early[sample, e]
        last = np.flatnonzero(np.append(moment[1:] != moment[:-1], len(moment) > 0))
        entropies = moment[last]
        candidates = thresholds_between(entropies, self.classes)
        gain = self.correct[sample, e].astype(np.int64) - stays_right[sample]
        spent = self.macs[e] - stays_cost[sample]
        start_right = right[~arrives].sum() + stays_right[arrives].sum()
        start_cost = cost[~arrives].sum() + stays_cost[arrives].sum()
        total_right = start_right + np.append(0, np.cumsum(gain)[last])
        total_cost = start_cost + np.append(0, np.cumsum(spent)[last])
        value = np.where(
            total_cost <= budget * len(right), total_right - price * total_cost, -np.inf
        )
        now = int(np.searchsorted(entropies, thresholds[e]))
        order = np.lexsort((total_cost, -value))[0]
        better = (value[order], -total_cost[order]) > (value[now], -total_cost[now])
        return float(candidates[order]) if better else float(thresholds[e])

    def _outcome(self, thresholds: NDArray, first: int) -> tuple[NDArray, NDArray]:
        """Whether each image is answered rightly (0, 1) and its MACs, from exit ``first`` on."""
        leaves = np.ones((len(self.early), len(self.macs) - first), dtype=bool)
        leaves[:, :-1] = self.early[:, first:] < thresholds[first:]
        exit_taken = first + leaves.argmax(axis=1)
        right = self.correct[np.arange(len(exit_taken)), exit_taken].astype(np.int64)
        return right, self.macs[exit_taken]
