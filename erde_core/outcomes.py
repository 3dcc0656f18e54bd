"""What thresholds make of one split of exit logits: answers, exits and harm, image by image."""

import numpy as np
from numpy.typing import NDArray

from erde_core.policy import exit_indices
from erde_core.scores.split import right_answers
from erde_core.softmax import entropy
from erde_core.store.exit_logits import SplitLogits


def outcomes(
    split: SplitLogits, thresholds: float | NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    """Whether each image is answered rightly, and is harmed by leaving; where it leaves, ``(N,)``.

    Harmed means wrong at the exit taken and right at the last. ``thresholds``: nats, one for all
    early exits or ``(E - 1,)``.
    """
    correct = right_answers(split)
    exits = exit_indices(entropy(split.logits), thresholds)
    right = correct[np.arange(len(exits)), exits]
    return right, ~right & correct[:, -1], exits
