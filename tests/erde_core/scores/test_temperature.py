"""Temperatures are where a general minimiser finds the likelihood's minimum, within bounds."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from erde_core import cross_entropy
from erde_core.scores.fitted import fit_score
from erde_core.scores.temperature import COLDEST, HOTTEST, fit_temperatures
from tests.erde_core.scores.exits import exits


@pytest.mark.parametrize("kind", ["random", "tied", "real"])
def test_the_minimum_is_that_of_a_general_minimiser(kind):
    logits, labels = exits(kind)
    found = fit_temperatures(logits, labels)
    for e, temperature in enumerate(found):
        part = logits[:, e : e + 1].astype(float)
        best = minimize_scalar(
            lambda t, part=part: cross_entropy(part / t, labels).mean(),
            bounds=(COLDEST, HOTTEST),
            method="bounded",
            options={"xatol": 1e-9},
        )
        assert temperature == pytest.approx(best.x, abs=1e-5)


def test_bounds_and_rows_that_say_nothing():
    labels = np.zeros(50, dtype=np.int64)
    logits = np.zeros((50, 4, 3))
    logits[:, 0, 0] = 1  # always right: the surer the better
    logits[:, 1, 1] = 1  # always wrong: the less sure the better
    logits[:, 2] = np.nan
    logits[:, 3, 0] = -np.inf  # the label is a masked class
    assert fit_temperatures(logits, labels).tolist() == [0.25, 4, 1, 1]
    real, of_real = exits("real")
    with_holes = np.concatenate([real, np.full_like(real[:9], np.nan)])
    found = fit_temperatures(with_holes, np.append(of_real, np.zeros(9, dtype=np.int64)))
    assert found == pytest.approx(fit_temperatures(real, of_real), rel=1e-12)


def test_scaled_logits_need_the_temperature_times_as_much_and_score_the_same():
    logits, labels = exits("real")
    once, twice = (fit_score("margin_tempered", logits * f, labels) for f in (1, 2))
    assert twice.temperatures == pytest.approx(2 * once.temperatures, rel=1e-7)
    assert twice.values(logits * 2) == pytest.approx(once.values(logits), abs=1e-7)


def test_the_same_fit_twice_is_the_same_to_the_bit():
    logits, labels = exits("real")
    assert np.array_equal(fit_temperatures(logits, labels), fit_temperatures(logits, labels))
