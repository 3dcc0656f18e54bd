"""What thresholds make of one split of exit logits: answers, exits, harm, all operating points."""

import numpy as np
from numpy.typing import NDArray

from erde_core.policy import exit_indices
from erde_core.scores.fitted import FittedScore
from erde_core.store.exit_logits import SplitLogits
from erde_core.sweep import OperatingPoints, sweep


def right_answers(split: SplitLogits) -> NDArray[np.bool_]:
    """Whether each exit's answer is right, ``(N, E)``."""
    right: NDArray[np.bool_] = split.logits.argmax(axis=2) == split.labels[:, None]
    return right


def split_sweep(
    split: SplitLogits, macs: NDArray[np.int64], score: FittedScore | None = None
) -> OperatingPoints:
    """All operating points of one network on one split, by entropy or by ``score``."""
    score = score or FittedScore("entropy", split.logits.shape[2])
    values = score.values(split.logits)
    return sweep(values, right_answers(split), macs, largest=score.largest)


def outcomes(
    split: SplitLogits,
    thresholds: float | NDArray[np.float64],
    score: FittedScore | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    """Whether each image is answered rightly, and is harmed by leaving; where it leaves, ``(N,)``.

    Harmed means wrong at the exit taken and right at the last. ``thresholds``: in the unit of the
    score (nats, by entropy), one for all early exits or ``(E - 1,)``.
    """
    correct = right_answers(split)
    score = score or FittedScore("entropy", split.logits.shape[2])
    exits = exit_indices(score.values(split.logits), thresholds)
    right = correct[np.arange(len(exits)), exits]
    return right, ~right & correct[:, -1], exits
