"""Intervals: Student's quantile, and coverage in 2,000 simulated experiments per setting."""

import numpy as np
import pytest
from scipy.stats import norm, t

from erde_core.bootstrap import group_weights
from erde_core.intervals import new_seeds, t_quantile, these_seeds

SIMULATIONS, IMAGES, RESAMPLES = 2000, 300, 200
CUT = 1.28  # the methods' answers differ on a fifth of the images
SHARED = 0.6  # of what makes them differ lies in the image, the rest in image and seed


def simulate(seeds, ratio, rng):
    """Differences (-1, 0, 1) per simulation, seed and image; and the true mean per seed.

    ``ratio`` is the seeds' variance over the sampling variance of one seed's mean.
    """
    slope = 2 * norm.pdf(CUT)
    shift = rng.normal(size=(SIMULATIONS, seeds, 1))
    shift *= np.sqrt(ratio * 2 * norm.cdf(-CUT) / IMAGES) / slope
    image = np.sqrt(SHARED) * rng.normal(size=(SIMULATIONS, 1, IMAGES))
    noise = np.sqrt(1 - SHARED) * rng.normal(size=(SIMULATIONS, seeds, IMAGES))
    latent = shift + image + noise
    truth = norm.cdf(shift - CUT) - norm.cdf(-shift - CUT)
    return (latent > CUT) * 1.0 - (latent < -CUT), truth[..., 0]


def coverages(seeds, ratio):
    """Shares of the simulations in which each interval covers what it claims to."""
    differences, truth = simulate(seeds, ratio, np.random.default_rng(11))
    weights = group_weights(np.arange(IMAGES), RESAMPLES, seed=3) / IMAGES
    per_seed = differences.mean(axis=2).T
    resampled = weights @ differences.mean(axis=1).T
    low, high = these_seeds(per_seed.mean(axis=0), resampled)
    theirs = (low <= truth.mean(axis=1)) & (truth.mean(axis=1) <= high)
    low, high = new_seeds(per_seed, resampled)
    return theirs.mean(), ((low <= 0) & (high >= 0)).mean()


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("ratio", [0, 0.5, 1, 2])
def test_both_intervals_cover_what_they_claim(ratio, seeds):
    these, new = coverages(seeds, ratio)
    assert these >= 0.93
    assert new >= 0.93


def test_an_interval_for_these_seeds_does_not_cover_new_ones():
    differences, _ = simulate(3, 2, np.random.default_rng(11))
    weights = group_weights(np.arange(IMAGES), RESAMPLES, seed=3) / IMAGES
    low, high = these_seeds(differences.mean((1, 2)), weights @ differences.mean(1).T)
    assert ((low <= 0) & (high >= 0)).mean() < 0.9


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 30])
@pytest.mark.parametrize("probability", [0.6, 0.975, 0.9995])
def test_students_quantile(probability, freedom):
    assert t_quantile(probability, freedom) == pytest.approx(t.ppf(probability, freedom))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="seeds must be at least 2"):
        new_seeds([0.1], np.zeros(5))
    with pytest.raises(ValueError, match="level must lie strictly"):
        these_seeds(0.1, np.zeros(5), level=1)
    with pytest.raises(ValueError, match="at least 2 resamples"):
        these_seeds(0.1, np.zeros(1))
