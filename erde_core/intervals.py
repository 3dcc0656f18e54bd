"""Intervals for a mean over trained networks: for these networks, or for newly trained ones.

With R resamples of the test images and S seeds:

* **these seeds**: estimate ± z · b, b the standard deviation over resamples. It covers what these
  very networks would score on all images of the distribution.
* **new seeds**: estimate ± sqrt(t² · s² / S + z² · b²), s the standard deviation over seeds and t
  Student's quantile for S - 1. It covers the mean over all seeds that could be trained. The images'
  luck is in b, and partly in s too, so the interval is a little wide rather than too narrow. (A
  percentile bootstrap over three seeds is not: it cannot see more spread than three values show.)
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Interval = tuple[NDArray[np.float64], NDArray[np.float64]]


def these_seeds(estimate: ArrayLike, resampled: ArrayLike, level: float = 0.95) -> Interval:
    """Lower and upper end for the networks at hand.

    Args:
        estimate: mean over the seeds on the test images, any shape ``(...)``.
        resampled: the same on each resample, ``(R, ...)``.
        level: coverage, in (0, 1).

    Raises:
        ValueError: a level outside (0, 1), or fewer than two resamples.
    """
    half = _normal_quantile(level) * _spread(resampled)
    return np.asarray(estimate) - half, np.asarray(estimate) + half


def new_seeds(per_seed: ArrayLike, resampled: ArrayLike, level: float = 0.95) -> Interval:
    """Lower and upper end for networks trained with seeds not yet tried.

    Args:
        per_seed: each seed's value on the test images, ``(S, ...)``.
        resampled: the mean over seeds on each resample, ``(R, ...)``.
        level: coverage, in (0, 1).

    Raises:
        ValueError: fewer than two seeds or resamples, or a level outside (0, 1).
    """
    per_seed = np.asarray(per_seed, dtype=np.float64)
    seeds = len(per_seed)
    if seeds < 2:
        raise ValueError(f"seeds must be at least 2 to say something of new ones, got {seeds}")
    trained = t_quantile(0.5 + level / 2, seeds - 1) * per_seed.std(axis=0, ddof=1)
    drawn = _normal_quantile(level) * _spread(resampled)
    half = np.sqrt(trained**2 / seeds + drawn**2)
    return per_seed.mean(axis=0) - half, per_seed.mean(axis=0) + half


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


def _normal_quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level!r}")
    return NormalDist().inv_cdf(0.5 + level / 2)


def _spread(resampled: ArrayLike) -> NDArray[np.float64]:
    resampled = np.asarray(resampled, dtype=np.float64)
    if len(resampled) < 2:
        raise ValueError(f"resampled must have at least 2 resamples, got {len(resampled)}")
    return resampled.std(axis=0, ddof=1)
