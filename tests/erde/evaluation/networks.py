"""Exit logits of networks that were never trained, as good or bad as a test wants them."""

import numpy as np

from erde.evaluation.pairs import Candidate
from erde_core.scores.scored_logits import score_logits
from erde_core.store.exit_logits import ExitLogits, SplitLogits

MACS = np.array([10, 20, 40])
LABELS = np.arange(100) % 5


def split(rng, samples, lift):
    """Logits of five classes; ``lift`` says how clearly the label stands out."""
    labels = np.arange(samples) % 5
    logits = rng.normal(size=(samples, 3, 5)).astype(np.float32)
    logits[np.arange(samples), :, labels] += lift + np.arange(3)
    return SplitLogits(logits, labels, np.arange(samples) // 2)


def network(seed, lift=1.0, samples=200, label="entropy"):
    rng = np.random.default_rng(seed)
    splits = split(rng, samples, lift), split(rng, samples, lift)
    return score_logits(label, ExitLogits(*splits, MACS, "data", f"weights {seed}"))


def answers(right, sure):
    """Logits ``(100, 1, 5)`` right for the first ``right`` images, sure for the first ``sure``."""
    logits = np.zeros((100, 1, 5), np.float32)
    answer = np.where(np.arange(100) < right, LABELS, (LABELS + 1) % 5)
    logits[np.arange(100), 0, answer] = np.where(np.arange(100) < sure, 9.0, 0.1)
    return SplitLogits(logits, LABELS, np.arange(100))


def plain(name, right, macs, sure=50):
    """A network without exits that validation and test images find equally good."""
    split = answers(right, sure)
    return Candidate(name, "plain", {0: ExitLogits(split, split, np.array([macs]), "d", name)})
