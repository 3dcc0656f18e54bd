"""Intervals for a mean over trained networks: for these networks, or for newly trained ones.

With R resamples of the test images' groups and S seeds:

* **these seeds**: estimate ± q · b, b the standard deviation over resamples. It covers what these
  very networks would score on all images of the distribution.
* **new seeds**: estimate ± sqrt(t² · s² / S + q² · b²), s the standard deviation over seeds and t
  Student's quantile for S - 1. It covers the mean over all seeds that could be trained. The images'
  luck is in b, and partly in s too, so the interval is a little wide rather than too narrow. (A
  percentile bootstrap over three seeds is not: it cannot see more spread than three values show.)

From ``MANY_GROUPS`` groups on, q is the normal quantile. With fewer the bootstrap's b is too small,
the normal quantile too, and where all groups agree b is 0, which claims certainty. Therefore q is
Student's quantile for G - 1, and b² becomes (b² + 2 d² / G²) · G / (G - 1). The quantile and the
last factor are Hesterberg's corrections (2015, "What teachers should know about the bootstrap", The
American Statistician 69). d is the distance from the estimate to the farther end of what a group's
value can be: 2 d² / G² is about the variance of two groups out there that the G have not shown.
For a fraction of 0 or 1 these are Agresti and Coull's two added successes and two added failures
(1998, The American Statistician 52); here they widen the interval and do not move it. For a
difference, which lies in -1 … 1, d is 1 + |estimate|: where all of 20 images favour the same
method, one in ten of those not seen may still favour the other, at a distance of 2.

So for 20 to 199 groups 95 % intervals cover at least 93.5 % of the time whatever the shares of -1,
0 and 1, and at least 93.4 % whatever those of 0 and 1: sums over all outcomes, on a grid of shares.
Below ``LEAST_GROUPS`` there is no interval.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core.errors import ErdeError

LEAST_GROUPS, MANY_GROUPS = 20, 200
_UNSEEN = 2.0  # groups at the farther end

Ends = tuple[float, float]
FRACTION: Ends = (0.0, 1.0)
DIFFERENCE: Ends = (-1.0, 1.0)
Interval = tuple[NDArray[np.float64], NDArray[np.float64]]


def these_seeds(
    estimate: ArrayLike,
    resampled: ArrayLike,
    *,
    groups: int,
    ends: Ends = FRACTION,
    level: float = 0.95,
) -> Interval:
    """Lower and upper end for the networks at hand.

    Args:
        estimate: mean over the seeds on the test images, any shape ``(...)``: accuracies, areas
            (fractions) or their differences.
        resampled: the same on each resample, ``(R, ...)``.
        groups: G, how many independent groups of test images were resampled.
        ends: least and largest value of a group, ``FRACTION`` or ``DIFFERENCE`` of fractions.
        level: coverage, in (0, 1).

    Raises:
        ValueError: a level outside (0, 1), fewer than two resamples, or fewer than
            ``LEAST_GROUPS`` groups.
    """
    estimate = np.asarray(estimate, dtype=np.float64)
    half = _half_width(estimate, resampled, groups, ends, level)
    return estimate - half, estimate + half


def new_seeds(
    per_seed: ArrayLike,
    resampled: ArrayLike,
    *,
    groups: int,
    ends: Ends = FRACTION,
    level: float = 0.95,
) -> Interval:
    """Lower and upper end for networks trained with seeds not yet tried.

    Args:
        per_seed: each seed's value on the test images, ``(S, ...)``.
        resampled: the mean over seeds on each resample, ``(R, ...)``.
        groups, ends, level: as for :func:`these_seeds`.

    Raises:
        ValueError: fewer than two seeds, or as :func:`these_seeds`.
    """
    per_seed = np.asarray(per_seed, dtype=np.float64)
    seeds = len(per_seed)
    if seeds < 2:
        raise ErdeError(f"seeds must be at least 2 to say something of new ones, got {seeds}")
    estimate = per_seed.mean(axis=0)
    drawn = _half_width(estimate, resampled, groups, ends, level)
    trained = t_quantile(0.5 + level / 2, seeds - 1) * per_seed.std(axis=0, ddof=1)
    half = np.sqrt(trained**2 / seeds + drawn**2)
    return estimate - half, estimate + half


def t_quantile(probability: float, freedom: int) -> float:
    """The quantile of Student's t with a whole number of degrees of freedom, by bisection.

    ``probability`` lies in (0.5, 1). Source of the distribution function: Abramowitz and Stegun,
    26.7.3 and 26.7.4.
    """
    low, high = 0.0, 1.0
    while _t_between(high, freedom) < 2 * probability - 1:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if _t_between(middle, freedom) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return high


def _t_between(t: float, freedom: int) -> float:
    """P(-t <= T <= t)."""
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term, total = (math.cos(angle), 0.0) if odd else (1.0, 0.0)
    for k in range(odd, freedom - 1, 2):
        total += term
        term *= (k + 1) / (k + 2) * math.cos(angle) ** 2
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total


def _half_width(
    estimate: NDArray[np.float64], resampled: ArrayLike, groups: int, ends: Ends, level: float
) -> NDArray[np.float64]:
    """q · b of the module's first lines."""
    if not 0 < level < 1:
        raise ErdeError(f"level must lie strictly between 0 and 1, got {level!r}")
    if groups < LEAST_GROUPS:
        raise ErdeError(
            f"groups of test images must be at least {LEAST_GROUPS} for an interval, got {groups}"
        )
    resampled = np.asarray(resampled, dtype=np.float64)
    if len(resampled) < 2:
        raise ErdeError(f"resampled must have at least 2 resamples, got {len(resampled)}")
    deviation: NDArray[np.float64] = resampled.std(axis=0, ddof=1)
    if groups >= MANY_GROUPS:
        return NormalDist().inv_cdf(0.5 + level / 2) * deviation
    distance = np.maximum(estimate - ends[0], ends[1] - estimate)
    unseen = _UNSEEN * distance**2 / groups**2
    corrected = np.sqrt((deviation**2 + unseen) * groups / (groups - 1))
    return t_quantile(0.5 + level / 2, groups - 1) * corrected
