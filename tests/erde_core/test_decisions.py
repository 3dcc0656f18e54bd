"""The comparison with the reference notices what it should, and excuses only near-ties."""

import numpy as np
import pytest

from erde_core.decisions import (
    POINTS,
    compare_decisions,
    spread_thresholds,
    spread_thresholds_per_exit,
)
from erde_core.policy import exit_indices
from erde_core.scores.fitted import LABELS, fit_score
from erde_core.softmax import entropy
from erde_core.store.exit_logits import SplitLogits

MACS = np.array([10, 20, 30])


@pytest.fixture
def split():
    rng = np.random.default_rng(1)
    logits = (rng.normal(size=(300, 3, 5)) * rng.uniform(0.5, 9, (300, 1, 1))).astype(np.float32)
    return SplitLogits(logits, np.zeros(300, np.int64), np.zeros(300, np.int64))


def reference(split):
    def decide(threshold):
        exits = exit_indices(entropy(split.logits), threshold)
        return exits, split.logits[np.arange(len(exits)), exits].argmax(1)

    return decide


def test_the_reference_agrees_with_itself(split):
    thresholds = spread_thresholds(split, MACS)
    assert len(thresholds) == POINTS
    found = compare_decisions(split, thresholds, reference(split))
    assert (found.decisions, found.wrong, found.turned) == (300 * POINTS, 0, 0)
    found.check("reference")


@pytest.mark.parametrize("label", LABELS)
def test_every_score_decides_by_its_own_values(split, label):
    score = fit_score(label, split.logits, split.labels)
    values = score.values(split.logits)

    def decide(threshold):
        exits = exit_indices(values, threshold)
        return exits, split.logits[np.arange(len(exits)), exits].argmax(1)

    thresholds = spread_thresholds(split, MACS, score)
    found = compare_decisions(split, thresholds, decide, score)
    assert (thresholds[0], thresholds[-1]) == (0, score.largest)
    assert (found.decisions, found.wrong, found.turned) == (300 * POINTS, 0, 0)
    if label != "entropy":  # another score's threshold lets other images leave
        assert compare_decisions(split, thresholds, reference(split), score).wrong


def test_one_threshold_per_exit(split):
    thresholds = spread_thresholds_per_exit(split, MACS)
    assert thresholds.shape == (POINTS, 2)
    for column in thresholds.T:
        assert sorted(column) == sorted(spread_thresholds(split, MACS))
    assert (thresholds[:, 0] != thresholds[:, 1]).all()
    found = compare_decisions(split, thresholds, reference(split))
    assert (found.decisions, found.wrong, found.turned) == (300 * POINTS, 0, 0)
    mixed = compare_decisions(split, thresholds, lambda theta: reference(split)(theta[::-1]))
    assert mixed.wrong > 300


def test_a_near_tie_is_near_the_threshold_of_its_own_exit(split):
    first, second = entropy(split.logits)[7, :2].tolist()
    for near, ties in (((first + 5e-5, 0.0), 1), ((0.0, second + 5e-5), 1), ((second, first), 0)):
        assert abs(first - second) > 0.1
        found = compare_decisions(split, np.array([near]), reference(split))
        assert found.near_ties == ties


@pytest.mark.parametrize("part", [0, 1])
def test_one_other_exit_or_class_is_noticed(split, part):
    def wrong_once(threshold):
        answer = reference(split)(threshold)
        answer[part][7] = (answer[part][7] + 1) % 3
        return answer

    found = compare_decisions(split, np.array([0.9]), wrong_once)
    assert found.wrong == 1
    with pytest.raises(ValueError, match=r"runtime must decide as .*, got 1 of 300 decisions"):
        found.check("runtime")


def test_a_near_tie_may_fall_either_way_but_is_counted(split):
    threshold = float(entropy(split.logits)[7, 0]) + 5e-5

    def turned(at):
        exits, labels = reference(split)(at)
        exits[7] = 1
        labels[7] = split.logits[7, 1].argmax()
        return exits, labels

    found = compare_decisions(split, np.array([threshold]), turned)
    assert (found.near_ties, found.wrong, found.turned) == (1, 0, 1)
    found.check("runtime")
    assert str(found) == "0 of 300 decisions differ; 1 near-ties (0.33%), 1 of them turned"


def test_a_tie_at_an_exit_that_is_not_reached_excuses_nothing(split):
    entropies = entropy(split.logits)
    sample = int(np.argmax(entropies[:, 1] - entropies[:, 0]))
    found = compare_decisions(split, np.array([entropies[sample, 1]]), reference(split))
    assert entropies[sample, 0] < entropies[sample, 1] - 0.01
    assert found.near_ties == 0
