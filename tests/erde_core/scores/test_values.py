"""What each score is, by its definition and at the ends of float64."""

import numpy as np
import pytest

from erde_core import entropy, softmax
from erde_core.scores import SCORES, margin, max_prob
from erde_core.scores.fitted import LABELS, FittedScore, fit_score
from tests.erde_core.scores.exits import KINDS, exits


def by_definition(name, p):
    """From probabilities; where they are far from 1, which differences need."""
    first, second = np.sort(p)[::-1][:2]
    logs = np.log(p, where=p > 0, out=np.zeros_like(p))
    return {"entropy": -(p * logs).sum(), "max_prob": 1 - first, "margin": 1 - first + second}[name]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["entropy", "max_prob", "margin"])
def test_values_are_the_definition(name, kind):
    logits, _ = exits(kind)
    found = FittedScore(name, logits.shape[2]).values(logits)
    p = softmax(logits)
    for n, e in np.ndindex(found.shape):
        if np.isnan(p[n, e]).any():
            assert np.isnan(found[n, e])
        else:
            assert found[n, e] == pytest.approx(by_definition(name, p[n, e]), abs=1e-14)


def test_a_sure_exit_keeps_its_digits():
    logits = np.array([[[0.0, -80.0, -90.0]]])
    expected = np.exp(-80.0) + np.exp(-90.0)
    assert max_prob.values(logits).item() == pytest.approx(expected, rel=1e-14, abs=0)
    assert margin.values(logits).item() == pytest.approx(expected + np.exp(-80.0), rel=1e-14, abs=0)
    masked = np.array([[[0.0, -np.inf, -np.inf]]])
    assert max_prob.values(masked).item() == margin.values(masked).item() == 0


def test_two_equal_answers_are_as_unsure_as_can_be_to_the_margin():
    logits = np.array([[[5.0, 5.0, -300.0]]])
    assert margin.values(logits).item() == 1
    assert max_prob.values(logits).item() == 0.5


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("kind", KINDS)
def test_values_lie_in_their_range_and_only_undefined_rows_are_not_numbers(label, kind):
    logits, labels = exits(kind)
    score = fit_score(label, logits, labels)
    values = score.values(logits)
    assert np.array_equal(np.isnan(values), np.isnan(entropy(logits)))
    known = values[~np.isnan(values)]
    assert (known >= 0).all()
    assert (known < score.largest).all()
    assert values.dtype == np.float64


def test_the_largest_values_there_are():
    for classes in (2, 3, 100, 1000):
        for logits in (np.zeros((1, 2, classes)), np.full((1, 2, classes), 7.1, np.float32)):
            for name in ("entropy", "max_prob", "margin"):
                score = FittedScore(name, classes)
                assert score.values(logits).max() < score.largest == SCORES[name].largest(classes)


def test_one_exit_says_nothing_of_another():
    """A deployed network computes the score before the later exits exist."""
    logits, labels = exits("random")
    for label in LABELS:
        score = fit_score(label, logits, labels)
        changed = logits.copy()
        changed[:, 1:] += np.random.default_rng(5).normal(size=changed[:, 1:].shape)
        assert np.array_equal(score.values(changed)[:, 0], score.values(logits)[:, 0])
