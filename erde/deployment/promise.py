"""What labelled images say of a deployment, beside what its manifest promises for the same θ.

The promise is the validation curve. Two samples of images differ by chance: an interval of the
difference says whether chance is enough. Shares: Newcombe's interval of a difference, from two of
Wilson's (Newcombe 1998, Statistics in Medicine 17, 873, method 10). Cost: the normal one, of a
spread with z²/2 images more at the first exit and as many at the last (as Agresti and Coull 1998,
The American Statistician 52, 119, add to a share): where few images go on, a sample in which none
does says nothing of how many might have.
"""

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
_Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)

Interval = tuple[float, float]


@dataclass(frozen=True)
class Compared:
    """A mean over images, and how far it is from what was promised.

    Attributes:
        found: over these images.
        interval: of it, 95 %.
        promised: lowest and highest of the curve's points around θ; None without a curve.
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
    """Accuracy and mean MACs on validation at θ: of the curve's last point at or under it and of
    the first at or above it, lowest and highest; None without a curve.

    Of one θ per early exit those that the manifest holds for exactly these, else None.
    """
    if isinstance(theta, list):
        found = [row[1:] for row in manifest["per_exit_curve"] if row[0] == theta]
        return ((found[0][0],) * 2, (found[0][1],) * 2) if found else None
    curve = manifest["curve"]
    if not curve:
        return None
    below = [row for row in curve if row[0] <= theta] or curve[:1]
    above = [row for row in curve if row[0] >= theta] or curve[-1:]
    pair = (below[-1], below[-1] if below[-1][0] == theta else above[0])
    accuracy, macs = ((min(values), max(values)) for values in list(zip(*pair, strict=True))[1:])
    return accuracy, macs


def compare_accuracy(
    right: NDArray[np.bool_], promise: Interval | None, groups: int | None
) -> Compared:
    """The share of right answers ``(N,)`` against a promise that ``groups`` images made.

    Without ``groups`` (an old manifest does not tell) the promise counts as exact.
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
    return Compared(found, (low, high), promise, difference, chance, _verdict(n, chance))


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
    return Compared(
        found, (found - half, found + half), promise, difference, chance, _verdict(n, chance)
    )


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


def _verdict(count: int, chance: Interval) -> str:
    if count < LEAST_IMAGES:
        return f"too few images to judge, at least {LEAST_IMAGES} are needed"
    if chance[0] <= 0 <= chance[1]:
        return "as promised, within chance"
    return "surprising: chance alone gives such a difference less than once in 20 times"
