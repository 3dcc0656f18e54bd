"""Coordinate ascent: with all other thresholds held, one threshold's best value is found exactly.

What it ends at is a local optimum, not a proven global one, and never worse than where it began.
"""

import numpy as np
from numpy.typing import NDArray

from erde_core.choosing.images import Float64, ScoredImages
from erde_core.sweep import thresholds_between

_ROUNDS = 20  # it ends earlier where nothing improves any more


def ascend(images: ScoredImages, thresholds: Float64, price: float, budget: float) -> Float64:
    """Improve one threshold after the other until none can be improved alone.

    Args:
        images: of one network.
        thresholds: where to begin, ``(E - 1,)``.
        price: right answers that one multiply-accumulate is worth.
        budget: mean multiply-accumulates per image that must not be exceeded; may be infinite.
    """
    thresholds = thresholds.copy()
    for _ in range(_ROUNDS):
        before = thresholds.copy()
        for e in range(len(thresholds)):
            thresholds[e] = _best_threshold(images, thresholds, e, price, budget)
        if np.array_equal(before, thresholds):
            break
    return thresholds


def _best_threshold(
    images: ScoredImages, thresholds: Float64, e: int, price: float, budget: float
) -> float:
    """The best value of threshold ``e``; the present one unless another is truly better."""
    arrives: NDArray[np.bool_] = np.all(images.early[:, :e] >= thresholds[:e], axis=1)
    right, cost = images.outcome(thresholds)
    stays_right, stays_cost = images.outcome(thresholds, e + 1)
    sample = images.order[:, e]
    sample = sample[arrives[sample] & np.isfinite(images.early[sample, e])]
    moment = images.early[sample, e]
    last = np.flatnonzero(np.append(moment[1:] != moment[:-1], len(moment) > 0))
    scores = moment[last]
    candidates = thresholds_between(scores, images.largest)
    gain = images.correct[sample, e].astype(np.int64) - stays_right[sample]
    spent = images.macs[e] - stays_cost[sample]
    start_right = right[~arrives].sum() + stays_right[arrives].sum()
    start_cost = cost[~arrives].sum() + stays_cost[arrives].sum()
    total_right = start_right + np.append(0, np.cumsum(gain)[last])
    total_cost = start_cost + np.append(0, np.cumsum(spent)[last])
    within = total_cost <= budget * len(right)
    value = np.where(within, total_right - price * total_cost, -np.inf)
    now = int(np.searchsorted(scores, thresholds[e]))
    best = np.lexsort((total_cost, -value))[0]
    better = (value[best], -total_cost[best]) > (value[now], -total_cost[now])
    return float(candidates[best]) if better else float(thresholds[e])
