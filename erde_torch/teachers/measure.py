"""How good a teacher is on validation and test images, and a warning where it only guesses."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from erde_core.outcomes import right_answers
from erde_core.store.exit_logits import ExitLogits

_SIGMAS = 3  # below so many deviations above chance, nothing was learned as far as one can tell


def accuracy_remarks(exits: ExitLogits, in_our_order: bool) -> Iterator[str]:
    """What to say of a teacher's accuracy, a sentence each.

    Args:
        exits: what it answers to validation and test images.
        in_our_order: whether nobody said in which order its classes are.
    """
    if in_our_order:
        yield "its classes are taken to be in the data set's order, as no file of classes is given"
    for name, split in (("validation", exits.val), ("test", exits.test)):
        shares = " ".join(f"{100 * share:.2f}" for share in right_answers(split).mean(0))
        yield f"accuracy per exit on {name}: {shares} %"
    share, chance = float(right_answers(exits.val)[:, -1].mean()), _most_frequent(exits.val.labels)
    spread = math.sqrt(chance * (1 - chance) / len(exits.val.labels))
    if share <= chance + _SIGMAS * spread:
        yield (
            f"warning: {100 * share:.2f} % on validation is chance level ({100 * chance:.2f} % for "
            "the most frequent class): are the classes in another order, the images normalised or "
            "sized in another way?"
        )


def _most_frequent(labels: NDArray[np.int64]) -> float:
    return float(np.bincount(labels).max() / len(labels))
