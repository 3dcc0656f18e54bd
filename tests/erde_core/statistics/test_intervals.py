"""Intervals: Student's quantile; coverage in 2,000 experiments per setting, and summed exactly."""

import numpy as np
import pytest
from scipy.special import gammaln, xlogy
from scipy.stats import binomtest, norm, t

from erde_core.statistics.bootstrap import group_weights
from erde_core.statistics.intervals import (
    DIFFERENCE,
    FRACTION,
    LEAST_GROUPS,
    MANY_GROUPS,
    new_seeds,
    t_quantile,
    these_seeds,
)

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
    low, high = these_seeds(per_seed.mean(axis=0), resampled, groups=IMAGES)
    theirs = (low <= truth.mean(axis=1)) & (truth.mean(axis=1) <= high)
    low, high = new_seeds(per_seed, resampled, groups=IMAGES)
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
    resampled = weights @ differences.mean(1).T
    low, high = these_seeds(differences.mean((1, 2)), resampled, groups=IMAGES)
    assert ((low <= 0) & (high >= 0)).mean() < 0.9


def few_images(statistic, images, rng):
    """Values per simulation and image, their true mean, and what one of them can be."""
    if statistic == "difference":  # of two methods whose answers differ on a fifth of the images
        differences, _ = simulate(3, 0, rng)
        return differences.mean(axis=1)[:, :images], 0.0, DIFFERENCE
    if statistic == "rare difference":  # the one method is never worse, and seldom better
        return 1.0 * (rng.random((SIMULATIONS, images)) < 0.1), 0.1, DIFFERENCE
    if isinstance(statistic, tuple):  # shares of the images where the one method is better, worse
        drawn = rng.random((SIMULATIONS, images))
        better, worse = statistic
        return 1.0 * (drawn < better) - (drawn >= 1 - worse), better - worse, DIFFERENCE
    return 1.0 * (rng.random((SIMULATIONS, images)) < statistic), statistic, FRACTION


SKEWED = [(0.9, 0.1), (0.92, 0.08), (0.9, 0.05), (0.96, 0.04)]  # +1 nearly always, -1 on few


@pytest.mark.parametrize("images", [LEAST_GROUPS, 50, MANY_GROUPS - 1])
@pytest.mark.parametrize("statistic", ["difference", "rare difference", 0.7, 0.9, 0.97, *SKEWED])
def test_intervals_of_few_groups_cover_what_they_claim(statistic, images):
    values, truth, ends = few_images(statistic, images, np.random.default_rng(17))
    weights = group_weights(np.arange(images), RESAMPLES, seed=3) / images
    estimate, resampled = values.mean(axis=1), weights @ values.T
    low, high = these_seeds(estimate, resampled, groups=images, ends=ends)
    covered = int(((low <= truth) & (truth <= high)).sum())
    assert binomtest(covered, SIMULATIONS).proportion_ci(0.99).low >= 0.93


@pytest.mark.parametrize("images", [LEAST_GROUPS, 35, 50, 110, MANY_GROUPS - 1])
def test_no_shares_of_better_and_worse_images_are_covered_less_than_promised(images):
    """By sums over all outcomes, with the spread that very many resamples would have."""
    better, worse = (x.ravel() for x in np.indices((images + 1, images + 1)))
    possible = better + worse <= images
    better, worse = better[possible], worse[possible]
    equal, estimate = images - better - worse, (better - worse) / images
    spread = np.sqrt(((better + worse) / images - estimate**2) / images)
    two = estimate + spread * np.array([[1.0], [-1.0]]) / np.sqrt(2)  # their deviation is spread
    low, high = these_seeds(estimate, two, groups=images, ends=DIFFERENCE)
    ways = gammaln(images + 1) - sum(gammaln(count + 1) for count in (better, worse, equal))
    steps = np.concatenate([[0, 0.01, 0.03], np.linspace(0.06, 0.94, 23), [0.97, 0.99, 1]])
    for p, q in ((p, q) for p in steps for q in steps if q <= p and p + q <= 1):
        rest = max(0.0, 1 - p - q)
        chance = np.exp(ways + xlogy(better, p) + xlogy(worse, q) + xlogy(equal, rest))
        covers = (low <= p - q + 1e-12) & (high >= p - q - 1e-12)
        assert chance[covers].sum() >= 0.93, (p, q)


@pytest.mark.parametrize("images", [LEAST_GROUPS, 50])
def test_groups_of_several_images_count_once(images):
    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(images), rng.integers(1, 5, images))
    chance = rng.beta(4, 1, (SIMULATIONS, images))  # of a right answer, one per group
    values = 1.0 * (rng.random((SIMULATIONS, len(group))) < chance[:, group])
    weights = group_weights(group, RESAMPLES, seed=3)
    share = weights / weights.sum(axis=1, keepdims=True)
    low, high = these_seeds(values.mean(axis=1), share @ values.T, groups=images)
    covered = int(((low <= 0.8) & (high >= 0.8)).sum())
    assert binomtest(covered, SIMULATIONS).proportion_ci(0.99).low >= 0.93


def test_many_groups_have_the_normal_quantile_and_few_a_wider_one():
    resampled, deviation = np.array([0.4, 0.6]), np.sqrt(0.02)
    low, high = these_seeds(0.5, resampled, groups=MANY_GROUPS)
    normal = norm.ppf(0.975) * deviation
    assert (low, high) == (pytest.approx(0.5 - normal), pytest.approx(0.5 + normal))
    _, wide = these_seeds(0.5, resampled, groups=50)
    half = t.ppf(0.975, 49) * np.sqrt((deviation**2 + 2 * 0.5**2 / 50**2) * 50 / 49)
    assert wide == pytest.approx(0.5 + half)
    _, wider = new_seeds([0.4, 0.6], resampled, groups=50)
    seeds = t.ppf(0.975, 1) * np.sqrt(0.02 / 2)
    assert wider == pytest.approx(0.5 + np.hypot(seeds, half))


@pytest.mark.parametrize(
    ("ends", "estimate", "distance"),
    [(FRACTION, 0.9, 0.9), (FRACTION, 0.2, 0.8), (DIFFERENCE, 0.9, 1.9), (DIFFERENCE, -0.2, 1.2)],
)
def test_unseen_groups_lie_at_the_farther_end(ends, estimate, distance):
    half = t.ppf(0.975, 29) * np.sqrt(2 * distance**2 / 30**2 * 30 / 29)
    agree = np.full(5, estimate)
    for low, high in (
        these_seeds(estimate, agree, groups=30, ends=ends),
        new_seeds([estimate] * 3, agree, groups=30, ends=ends),
    ):
        assert (low, high) == (pytest.approx(estimate - half), pytest.approx(estimate + half))


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 30])
@pytest.mark.parametrize("probability", [0.6, 0.975, 0.9995])
def test_students_quantile(probability, freedom):
    assert t_quantile(probability, freedom) == pytest.approx(t.ppf(probability, freedom))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="seeds must be at least 2"):
        new_seeds([0.1], np.zeros(5), groups=99)
    with pytest.raises(ValueError, match="level must lie strictly"):
        these_seeds(0.1, np.zeros(5), groups=99, level=1)
    with pytest.raises(ValueError, match="at least 2 resamples"):
        these_seeds(0.1, np.zeros(1), groups=99)
    for function, value in ((these_seeds, 0.1), (new_seeds, [0.1, 0.2])):
        with pytest.raises(
            ValueError, match=r"groups of test images must be at least 20 .* got 19"
        ):
            function(value, np.zeros(5), groups=19)
