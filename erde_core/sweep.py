"""Every operating point that one global threshold can reach, exactly, and what their curve says.

A sample's exit changes only where the threshold passes a new minimum of its scores so far.
Sorting those minima gives all distinct sets of decisions at once: no grid, nothing missed.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.errors import ErdeError
from erde_core.exit_changes import exit_changes, stable_order


@dataclass(frozen=True)
class OperatingPoints:
    """K points, strict (nobody leaves early) to loose (everybody who can leaves at once).

    Attributes:
        threshold: in the score's unit (nats, of entropies), float64 ``(K,)``, increasing; no
            sample's score equals one of them unless two neighbouring scores have no number
            between them.
        accuracy: fraction, float64 ``(K,)``.
        mean_macs: multiply-accumulates per image, float64 ``(K,)``, never increasing.
        exit_share: fraction of the samples that leaves at each exit, float64 ``(K, E)``.
    """

    threshold: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    mean_macs: NDArray[np.float64]
    exit_share: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.threshold)

    def take(self, index: NDArray[Any]) -> "OperatingPoints":
        """The points at ``index`` (integers or a mask), in that order."""
        return OperatingPoints(
            self.threshold[index],
            self.accuracy[index],
            self.mean_macs[index],
            self.exit_share[index],
        )


def sweep(
    score: ArrayLike,
    correct: ArrayLike,
    macs: ArrayLike,
    classes: int | None = None,
    *,
    largest: float | None = None,
) -> OperatingPoints:
    """All distinct outcomes of one threshold shared by every early exit.

    Args:
        score: how unsure each exit is, ``(N, E)``, at least 0 and below ``largest``, or NaN
            (which never leaves). An entropy in nats unless ``largest`` is given.
        correct: bool ``(N, E)``, whether that exit's answer is right.
        macs: int ``(E,)``, multiply-accumulates to the end of each exit, never decreasing.
        classes: C, of entropies; ``largest`` is then 2 · log C.
        largest: in place of ``classes``, for any other score: the loosest threshold.

    Returns:
        1 + (number of distinct running-minimum scores) points, at most N · (E - 1) + 1. With
        N = 0 the one point has NaN accuracy, cost and shares.

    Raises:
        ValueError: shapes differ, MACs decrease or add up to 2^63 or more over all samples, fewer
            than two classes, both or neither of ``classes`` and ``largest``, or a score is negative
            or not below ``largest``.
    """
    score, correct, macs, largest = checked_sweep_arguments(score, correct, macs, classes, largest)
    changes = exit_changes(score, correct)
    order = stable_order(changes.moment, largest)
    moment = changes.moment[order]
    last_of_group = np.flatnonzero(np.append(moment[1:] != moment[:-1], len(moment) > 0))
    threshold = thresholds_between(moment[last_of_group], largest)
    # This memory is used again and again: allocating it anew costs more than filling it.
    sums, count = np.empty(len(moment), np.int64), np.empty(len(threshold), np.int64)
    cost, share = np.zeros(len(threshold), np.int64), np.empty((len(macs), len(threshold)))
    samples = np.float64(len(score))
    with np.errstate(invalid="ignore"):  # 0 / 0 is the documented NaN of an empty data set
        _running(changes.gained[order], last_of_group, int(correct[:, -1].sum()), sums, count)
        accuracy = count / samples
        exit_to, exit_from = changes.exit_to[order], changes.exit_from[order]
        for e in range(len(macs)):
            moved = (exit_to == e).view(np.int8) - (exit_from == e).view(np.int8)
            _running(moved, last_of_group, len(score) * (e == len(macs) - 1), sums, count)
            np.divide(count, samples, out=share[e])
            cost += np.multiply(count, macs[e], out=count)
        return OperatingPoints(threshold, accuracy, cost / samples, share.T)


def pareto_front(points: OperatingPoints) -> OperatingPoints:
    """The points that no other beats in both accuracy and cost, strict to loose.

    Of several with equal accuracy and equal cost, the loosest stands for all.
    """
    # Points are sorted from cheap to dear, and by falling accuracy where the cost is equal. A point
    # stays if it is more accurate than all before it.
    order = np.lexsort((-points.threshold, -points.accuracy, points.mean_macs))
    best_before = np.maximum.accumulate(np.append(-np.inf, points.accuracy[order][:-1]))
    keep = order[points.accuracy[order] > best_before]
    return points.take(np.sort(keep))


def best_index(points: OperatingPoints, macs: float) -> int | None:
    """Index of the most accurate point at or under ``macs``, or None if there is none.

    Of equally accurate points the cheapest, of equally cheap ones the loosest.
    """
    affordable = np.flatnonzero(points.mean_macs <= macs)
    if not len(affordable):
        return None
    found = points.take(affordable)
    order = np.lexsort((-found.threshold, found.mean_macs, -found.accuracy))
    return int(affordable[order[0]])


def accuracy_at(points: OperatingPoints, macs: ArrayLike) -> NDArray[np.float64]:
    """Accuracy of the best point at or under each budget; never an interpolation.

    Args:
        points: as :func:`sweep` returns them.
        macs: mean multiply-accumulates per image allowed, any shape.

    Returns:
        float64 of that shape; NaN where no point is cheap enough.

    Raises:
        ValueError: a budget is NaN.
    """
    budgets = np.asarray(macs, dtype=np.float64)
    if np.isnan(budgets).any():
        raise ErdeError(f"macs must be numbers, got {budgets.tolist()}")
    front = pareto_front(points)
    cost, accuracy = front.mean_macs[::-1], front.accuracy[::-1]
    position = np.searchsorted(cost, budgets, side="right")
    return np.append(np.nan, accuracy)[position]


def area_under_curve(points: OperatingPoints) -> float:
    """Mean of ``accuracy_at`` over all budgets from the cheapest point's cost to the dearest's.

    A fraction like accuracy; the accuracy itself where all points cost the same.
    """
    front = pareto_front(points)
    cost, accuracy = front.mean_macs[::-1], front.accuracy[::-1]
    if not len(front):
        return math.nan
    dearest = points.mean_macs.max()
    if dearest == cost[0]:
        return float(accuracy[-1])
    widths = np.diff(np.append(cost, dearest))
    return float(widths @ accuracy / (dearest - cost[0]))


def checked_sweep_arguments(
    score: ArrayLike,
    correct: ArrayLike,
    macs: ArrayLike,
    classes: int | None,
    largest: float | None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64], float]:
    """The arguments of :func:`sweep` as arrays, and ``largest``; raises what it documents."""
    score = checks.scores(score)
    correct = np.asarray(correct)
    if correct.dtype != np.bool_:
        raise ErdeError(f"correct must be a boolean array, got dtype {correct.dtype}")
    checks.same_shape("correct", correct, "score", score)
    largest, words = _largest(classes, largest)
    above = score[score >= largest]
    if len(above):
        raise ErdeError(f"score must be below {words} = {largest}, got {above[0]}")
    macs = checks.exit_macs(macs, score.shape[1])
    checks.summable("macs of the last exit", int(macs[-1]), len(score))
    return score, correct, macs, largest


def _largest(classes: int | None, largest: float | None) -> tuple[float, str]:
    """The loosest threshold, and what to call it."""
    if classes is not None and largest is None:
        checks.class_count(classes)
        return 2 * math.log(classes), "2 log(classes)"
    if classes is None and largest is not None:
        checks.positive("largest", largest)
        return float(largest), "largest"
    raise ErdeError(f"one of classes and largest must be given, got {classes!r} and {largest!r}")


def thresholds_between(breakpoints: NDArray[np.float64], largest: float) -> NDArray[np.float64]:
    """0, one threshold between each two neighbouring breakpoints, and ``largest``, ``(K,)``.

    ``breakpoints`` are distinct scores, ascending, ``(K - 1,)``. The midpoint of two floats
    without a number between them is the upper one: strict ``<`` then still parts them.
    """
    if not len(breakpoints):
        return np.zeros(1)
    threshold = np.empty(len(breakpoints) + 1)
    threshold[0], threshold[-1] = 0.0, largest
    lower, upper, middle = breakpoints[:-1], breakpoints[1:], threshold[1:-1]
    np.subtract(upper, lower, out=middle)
    middle /= 2
    middle += lower
    np.copyto(middle, upper, where=middle <= lower)
    return threshold


def _running(
    change: NDArray[Any],
    last_of_group: NDArray[Any],
    start: int,
    sums: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Into ``out`` ``(K,)``: ``start``, then its value after each group of simultaneous changes.

    ``sums`` ``(J,)`` is room for what lies between; new memory would cost more than the work.
    """
    np.cumsum(change, out=sums)
    out[0] = 0
    np.take(sums, last_of_group, out=out[1:], mode="clip")  # any other mode makes a copy first
    out += start
