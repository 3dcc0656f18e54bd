"""The gate is scikit-learn's ridge-logistic model of its three features, exit by exit."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from erde_core.scores import gate
from erde_core.scores.gate import LARGEST_LOG_ODDS, features, fit
from tests.erde_core.scores.exits import exits


def right(logits, labels):
    return logits.argmax(axis=2) == labels[:, None]


@pytest.mark.parametrize("kind", ["random", "tied", "holes", "real"])
def test_equals_an_independent_fit(kind):
    logits, labels = exits(kind)
    correct = right(logits, labels)
    found, x = fit(logits, correct), features(logits)
    values = found.values(logits)
    for e in range(3):
        known = ~np.isnan(x[:, e]).any(axis=1)
        kept, target = x[known, e], (correct[:, e] | ~correct[:, 3])[known]
        standard = (kept - kept.mean(0)) / kept.std(0)
        model = LogisticRegression(C=1, tol=1e-12, max_iter=10_000).fit(standard, target)
        assert found.weights[e] == pytest.approx(model.coef_[0], abs=1e-4)
        assert values[known, e] == pytest.approx(model.predict_proba(standard)[:, 0], abs=1e-4)
        # What it minimises is at least as small as what the other fit ended at.
        assert objective(found, e, standard, target) <= 1e-9 + sum_of(model, standard, target)


def objective(found, e, standard, target):
    return penalised(found.weights[e], found.intercept[e], standard, target)


def sum_of(model, standard, target):
    return penalised(model.coef_[0], model.intercept_[0], standard, target)


def penalised(weights, intercept, standard, target):
    odds = standard @ weights + intercept
    return (np.logaddexp(0, odds) - target * odds).sum() + (weights**2).sum() / 2


def test_features_by_hand():
    logits = np.array([[[np.log(3), 0.0, -np.inf], [0.0, -np.inf, -np.inf], [np.nan, 0, 0]]])
    sure, masked, undefined = features(logits)[0]
    assert sure == pytest.approx([np.log(3), 0.5, -0.75 * np.log(0.75) - 0.25 * np.log(0.25)])
    assert masked.tolist() == [LARGEST_LOG_ODDS, 0, 0]
    assert np.isnan(undefined).all()


def test_one_outcome_only_makes_a_constant():
    logits, _ = exits("random")
    everyone = np.ones((len(logits), 4), dtype=bool)
    for correct, expected in (
        (everyone, 0.5 / 121),
        (everyone & [False, False, False, True], 120.5 / 121),
    ):
        values = fit(logits, correct).values(logits)
        assert values[:, :3] == pytest.approx(expected)


def test_separable_answers_have_a_finite_gate():
    logits, _ = exits("random")
    sure = features(logits)[:, :, 0] > 2
    sure[:, 3] = True
    found = fit(logits, sure)
    assert np.isfinite(found.weights).all()
    order = np.argsort(features(logits)[:, 0, 0])
    assert found.values(logits)[order[0], 0] > 0.9 > 0.1 > found.values(logits)[order[-1], 0]


def test_a_constant_feature_and_the_last_exit_count_nothing():
    logits = np.zeros((40, 2, 3))
    logits[:, 1, 0] = np.arange(40)
    correct = np.column_stack([np.arange(40) % 2 == 0, np.ones(40, bool)])
    found = fit(logits, correct)
    assert found.weights.tolist() == [[0, 0, 0]]
    assert found.values(logits).tolist() == [[pytest.approx(0.5), 0.0]] * 40


def test_bad_input_is_named():
    logits, labels = exits("random")
    with pytest.raises(ValueError, match=r"correct must have the shape \(120, 4\) of logits, got"):
        fit(logits, right(logits, labels)[:9])
    with pytest.raises(ValueError, match="must be defined for at least one image"):
        fit(np.full((3, 2, 4), np.nan), np.ones((3, 2), bool))
    with pytest.raises(ValueError, match="must have 4 exits as the gate, got 2"):
        fit(logits, right(logits, labels)).values(logits[:, :2])
    with pytest.raises(ValueError, match="classes must be a whole number >= 2"):
        gate.largest(1)
