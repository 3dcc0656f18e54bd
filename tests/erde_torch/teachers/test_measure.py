"""What is said of a teacher's accuracy: whether it guesses, and whether its targets teach."""

import numpy as np
import pytest

from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_torch.teachers.measure import accuracy_remarks

N = 1_500  # more than are looked at at once
RANDOM = np.random.default_rng(0)


def warnings(*exits, labels):
    """What it warns of one teacher, of whose exits these are the logits."""
    logits = np.stack(exits, axis=1).astype(np.float32)
    split = SplitLogits(logits, labels, np.arange(N))
    macs = np.zeros(len(exits), np.int64)
    said = accuracy_remarks(ExitLogits(split, split, macs, "d", "n"), in_our_order=False)
    return [sentence for sentence in said if sentence.startswith("warning")]


def classifier(classes, right=0.95):
    """Labels, and logits of a calibrated network that is right about so often."""
    labels = RANDOM.integers(0, classes, N)
    taken = np.where(RANDOM.random(N) < right, labels, RANDOM.integers(0, classes, N))
    height = np.log(right / (1 - right) * (classes - 1))
    return labels, height * (np.arange(classes) == taken[:, None])


def softmax(logits):
    odds = np.exp(logits)
    return odds / odds.sum(-1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_probabilities_taken_for_logits_are_warned_of(classes):
    labels, logits = classifier(classes)
    (said,) = warnings(softmax(logits), labels=labels)
    sure = 100 * softmax(softmax(logits)).max(-1).mean()
    assert f"mean confidence (largest softmax) per exit on validation: {sure:.2f} %" in said
    assert warnings(logits, labels=labels) == []


@pytest.mark.parametrize("classes", [10, 100])
def test_a_soft_teacher_is_not_warned_of(classes):
    """As after label smoothing of 0.2, or at the first exit of a small network."""
    labels, logits = classifier(classes)
    smoothed = np.log(0.8 * (logits > 0) + 0.2 / classes)
    early = classifier(classes, right=0.3)
    assert warnings(smoothed, labels=labels) == []
    assert warnings(early[1], labels=early[0]) == []


def test_one_flat_exit_is_enough():
    labels, logits = classifier(10)
    (said,) = warnings(logits, logits / 20, logits, labels=labels)
    assert said.count(".") >= 3


def test_who_only_guesses_is_told_that_and_not_that_it_is_unsure():
    labels = RANDOM.integers(0, 10, N)
    logits = 1e-3 * RANDOM.normal(size=(N, 10))
    (said,) = warnings(logits, labels=labels)
    assert "is chance level" in said
