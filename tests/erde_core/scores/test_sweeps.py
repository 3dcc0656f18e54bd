"""The sweep of any score is a simulation at every midpoint, and its twin's to the bit."""

import numpy as np
import pytest

from erde_core import exit_indices, fast, sweep
from erde_core.certify import certified_threshold
from erde_core.outcomes import right_answers
from erde_core.scores.fitted import LABELS, fit_score
from erde_core.store.exit_logits import SplitLogits
from tests.erde_core.scores.exits import KINDS, MACS, exits

FIELDS = ("threshold", "accuracy", "mean_macs", "exit_share")


def simulated(values, correct):
    """Accuracy, cost and shares at 0, at every midpoint of two scores and beyond all, by trial.

    Midpoints at which nobody's exit changes are the same decisions again and are left out.
    """
    known = np.unique(values[:, :-1][~np.isnan(values[:, :-1])])
    middle = known[:-1] + np.diff(known) / 2
    middle = np.where(middle > known[:-1], middle, known[1:])  # neighbouring numbers have none
    before, outcomes = None, []
    for threshold in (0.0, *middle, np.inf):
        left_at = exit_indices(values, threshold)
        if before is None or not np.array_equal(left_at, before):
            right = correct[np.arange(len(left_at)), left_at].mean()
            share = np.bincount(left_at, minlength=4) / len(left_at)
            outcomes.append((right, MACS[left_at].mean(), share))
        before = left_at
    return outcomes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", LABELS)
def test_equals_a_simulation_at_every_midpoint(label, kind):
    logits, labels = exits(kind)
    correct = right_answers(SplitLogits(logits, labels, labels))
    score = fit_score(label, logits, labels)
    values = score.values(logits)
    points = sweep(values, correct, MACS, largest=score.largest)
    outcomes = simulated(values, correct)
    assert len(points) == len(outcomes)
    for k, (right, cost, share) in enumerate(outcomes):
        assert points.accuracy[k] == pytest.approx(right, rel=1e-14)
        assert points.mean_macs[k] == pytest.approx(cost, rel=1e-14)
        assert np.array_equal(points.exit_share[k], share)
        left_at = exit_indices(values, points.threshold[k])
        assert np.array_equal(np.bincount(left_at, minlength=4) / len(values), share)
    twin = fast.sweep(values, correct, MACS, largest=score.largest)
    for field in FIELDS:
        assert np.array_equal(getattr(twin, field), getattr(points, field)), field


@pytest.mark.parametrize("function", [sweep, fast.sweep])
def test_classes_stand_for_the_largest_entropy(function):
    logits, labels = exits("real")
    correct = right_answers(SplitLogits(logits, labels, labels))
    values = fit_score("entropy", logits, labels).values(logits)
    by_classes = function(values, correct, MACS, 10)
    by_largest = function(values, correct, MACS, largest=2 * np.log(10))
    for field in FIELDS:
        assert np.array_equal(getattr(by_classes, field), getattr(by_largest, field))
    for arguments in ({}, {"classes": 10, "largest": 4.6}):
        with pytest.raises(ValueError, match="one of classes and largest must be given, got"):
            function(values, correct, MACS, **arguments)
    with pytest.raises(ValueError, match=r"score must be below largest = 0\.1, got"):
        function(values, correct, MACS, largest=0.1)
    with pytest.raises(ValueError, match="largest must be a finite number > 0, got nan"):
        function(values, correct, MACS, largest=np.nan)


@pytest.mark.parametrize("label", LABELS)
def test_a_certificate_counts_the_harmed_at_its_threshold(label):
    logits, labels = exits("real")
    correct = right_answers(SplitLogits(logits, labels, labels))
    score = fit_score(label, logits, labels)
    values = score.values(logits)
    found = certified_threshold(values, correct, epsilon=0.05, delta=0.1, largest=score.largest)
    left_at = exit_indices(values, found.threshold)
    harmed = ~correct[np.arange(len(left_at)), left_at] & correct[:, -1]
    assert found.harmed == harmed.sum()
    assert 0 < found.threshold <= score.largest
