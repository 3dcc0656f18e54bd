"""What labelled images say of a deployment, beside what its manifest promises for the same θ.

The promise is what validation showed. Two samples of images differ by chance: an interval of the
difference says whether chance is enough. Shares: Newcombe's interval of a difference, from two of
Wilson's (Newcombe 1998, Statistics in Medicine 17, 873, method 10). Cost: the normal one, of a
spread with z²/2 images more at the first exit and as many at the last (as Agresti and Coull 1998,
The American Statistician 52, 119, add to a share): where few images go on, a sample in which none
does says nothing of how many might have.
"""

import bisect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde.deployment.choice import Thresholds

LEVEL = 0.95
LEAST_IMAGES = 30  # with fewer, no interval here means what it says
AS_PROMISED = "as promised, within chance"
NOT_ABOVE = "not above that, within chance; how far below it was, this older manifest does not say"
SURPRISING = "surprising: chance alone gives such a difference less than once in 20 times"
SURPRISING_CHOSEN = (
    "surprising: chance alone gives such a difference less than once in 20 times for a θ that is "
    "given beforehand, and more often for this one, which was chosen on validation"
)
_Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)

Interval = tuple[float, float]


@dataclass(frozen=True)
class Compared:
    """A mean over images, and how far it is from what was promised.

    Attributes:
        found: over these images.
        interval: of it, 95 %.
        promised: lowest and highest on validation at θ; None where nobody knows. Of an accuracy a
            lowest of 0 says that only the highest is known.
        difference: found minus the nearest end of ``promised``, 0 between them.
        chance: the interval of the difference, 95 %.
        verdict: in words.
    """

    found: float
    interval: Interval
    promised: Interval | None
    difference: float | None
    chance: Interval | None
    verdict: str


def promised(manifest: Mapping[str, Any], theta: Thresholds) -> tuple[Interval, Interval] | None:
    """Accuracy and mean MACs on validation at θ, lowest and highest; None where nobody knows.

    They are exact at the θ of each row of the manifest's operating points; between two rows they
    enclose what validation showed. An older manifest has the curve alone: between two of its points
    the accuracy is at most that of the better one, and its lower end here is 0.

    Of one θ per early exit those that the manifest holds for exactly these, else None.
    """
    if isinstance(theta, list):
        found = [row[1:] for row in manifest["per_exit_curve"] if row[0] == theta]
        if found:
            return _exact(*found[0])
        if len(set(theta)) > 1:
            return None
        theta = theta[0]
    if not manifest["operating_points"]:
        return _at_most(manifest["curve"], theta)
    row, after = _around(manifest["operating_points"], theta)
    if theta == row[0] or row is after:
        return _exact(*row[1:3])
    return (row[3], row[4]), (after[2], row[2])


def was_chosen(manifest: Mapping[str, Any], theta: Thresholds) -> bool:
    """Whether θ is one that validation was searched for: its promise is then the best of many, and
    so too high on average. The certified θ and the full network, θ = 0, are no such ones."""
    return theta != 0 and any(
        row[0] == theta for row in [*manifest["curve"], *manifest["per_exit_curve"]]
    )


def _exact(accuracy: float, macs: float) -> tuple[Interval, Interval]:
    return (accuracy, accuracy), (macs, macs)


def _at_most(curve: list[list[float]], theta: float) -> tuple[Interval, Interval] | None:
    """Of the curve alone: it keeps the best points, and what lies between is worse."""
    if not curve:
        return None
    row, after = _around(curve, theta)
    if theta == row[0]:
        return _exact(*row[1:])
    return (0.0, max(row[1], after[1])), (min(row[2], after[2]), max(row[2], after[2]))


def _around(rows: list[list[float]], theta: float) -> tuple[list[float], list[float]]:
    """The last row at or under θ, and the next; the last one is its own next."""
    at = max(0, bisect.bisect_right([row[0] for row in rows], theta) - 1)
    return rows[at], rows[min(at + 1, len(rows) - 1)]


def compare_accuracy(
    right: NDArray[np.bool_],
    promise: Interval | None,
    groups: int | None,
    chosen: bool = False,
) -> Compared:
    """The share of right answers ``(N,)`` against a promise that ``groups`` images made.

    Without ``groups`` (an old manifest does not tell) the promise counts as exact. Where θ was
    ``chosen`` by the same validation images, the verdict says what that does to it.
    """
    n, found = len(right), float(right.mean())
    low, high = wilson(found, n)
    if promise is None:
        return Compared(found, (low, high), None, None, None, "nothing was promised")
    nearest = min(max(found, promise[0]), promise[1])
    promise_low, promise_high = wilson(nearest, groups) if groups else (nearest, nearest)
    difference = found - nearest
    chance = (
        difference - math.hypot(found - low, promise_high - nearest),
        difference + math.hypot(high - found, nearest - promise_low),
    )
    verdict = _verdict(n, chance, AS_PROMISED if promise[0] else NOT_ABOVE)
    if chosen and verdict == SURPRISING:
        verdict = SURPRISING_CHOSEN
    return Compared(found, (low, high), promise, difference, chance, verdict)


def compare_cost(
    macs: NDArray[np.int64], ends: tuple[int, int], promise: Interval | None, groups: int | None
) -> Compared:
    """The mean of MACs ``(N,)`` against a promise that ``groups`` images made.

    Args:
        macs: that each image cost.
        ends: the cost of the first exit and of the last.
        promise: lowest and highest mean on validation.
        groups: None where an old manifest does not tell: the promise counts as exact.
    """
    n, found, spread = len(macs), float(macs.mean()), _spread(macs, ends)
    half = _Z * spread / math.sqrt(n)
    if promise is None:
        return Compared(found, (found - half, found + half), None, None, None, "")
    nearest = min(max(found, promise[0]), promise[1])
    # Where all images leave at one exit the cost does not vary; rounding must not be reported.
    difference = 0.0 if math.isclose(found, nearest) else found - nearest
    reach = _Z * spread * math.sqrt(1 / n + (1 / groups if groups else 0))
    chance = (difference - reach, difference + reach)
    verdict = _verdict(n, chance, AS_PROMISED)
    return Compared(found, (found - half, found + half), promise, difference, chance, verdict)


def _spread(macs: NDArray[np.int64], ends: tuple[int, int]) -> float:
    """The standard deviation of MACs ``(N,)`` and of the images that are added to them."""
    values = np.array([*ends, *macs], np.float64)
    weights = np.array([_Z**2 / 2] * 2 + [1.0] * len(macs))
    middle = np.average(values, weights=weights)
    return math.sqrt(np.average((values - middle) ** 2, weights=weights))


def wilson(share: float, count: int) -> Interval:
    """Wilson's score interval of a share of ``count`` images."""
    middle = share + _Z**2 / (2 * count)
    half = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    scale = 1 + _Z**2 / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _verdict(count: int, chance: Interval, kept: str) -> str:
    if count < LEAST_IMAGES:
        return f"too few images to judge, at least {LEAST_IMAGES} are needed"
    if chance[0] <= 0 <= chance[1]:
        return kept
    return SURPRISING
