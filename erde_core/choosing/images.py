"""The images of one network, and what thresholds make of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class ScoredImages:
    """What a search for thresholds looks at, for N images and E exits.

    Attributes:
        early: score at each early exit, infinite where it never leaves, ``(N, E - 1)``.
        correct: whether each exit is right, ``(N, E)``.
        macs: multiply-accumulates to each exit, ``(E,)``.
        largest: the loosest threshold; every finite score is below it.
        order: the images from sure to unsure, per early exit, ``(N, E - 1)``.
    """

    early: Float64
    correct: NDArray[np.bool_]
    macs: Int64
    largest: float
    order: NDArray[np.intp]

    def leave(self, thresholds: Float64, first: int = 0) -> Int64:
        """The exit at which each image leaves, from exit ``first`` on, ``(N,)``."""
        leaves = np.ones((len(self.early), len(self.macs) - first), dtype=bool)
        leaves[:, :-1] = self.early[:, first:] < thresholds[first:]
        exits: Int64 = first + leaves.argmax(axis=1)
        return exits

    def outcome(self, thresholds: Float64, first: int = 0) -> tuple[Int64, Int64]:
        """Whether each image is answered rightly (0, 1) and its MACs, from exit ``first`` on."""
        exits = self.leave(thresholds, first)
        right = self.correct[np.arange(len(exits)), exits].astype(np.int64)
        return right, self.macs[exits]

    def value(self, thresholds: Float64, budget: float) -> tuple[float, float]:
        """Accuracy and minus the cost, larger is better; minus infinity beyond the budget."""
        right, cost = self.outcome(thresholds)
        if cost.mean() > budget:
            return -np.inf, -np.inf
        return float(right.mean()), -float(cost.mean())

    def passing(self, e: int, count: int) -> float:
        """A threshold of exit ``e`` that the ``count`` surest images pass, and no surer ones."""
        scores = self.early[self.order[:, e], e]
        if count == 0:
            return 0.0
        if count == len(scores) or not np.isfinite(scores[count]):
            return self.largest
        lower, upper = float(scores[count - 1]), float(scores[count])
        middle = lower + (upper - lower) / 2
        return middle if middle > lower else upper


def scored_images(
    score: Float64, correct: NDArray[np.bool_], macs: Int64, largest: float
) -> ScoredImages:
    """The images of checked arguments of :func:`erde_core.sweep`."""
    early = np.where(np.isnan(score[:, :-1]), np.inf, score[:, :-1])
    return ScoredImages(early, correct, macs, largest, np.argsort(early, axis=0, kind="stable"))
