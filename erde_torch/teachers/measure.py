"""How good a teacher is on validation and test images, and a warning where it only guesses."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from erde_core.outcomes import right_answers
from erde_core.softmax import softmax
from erde_core.store.exit_logits import ExitLogits

_SIGMAS = 3  # below so many deviations above chance, nothing was learned as far as one can tell
_SURE = 0.5  # of what an exit is right above guessing, so much it should be sure of
_AT_ONCE = 1024  # images, of whose probabilities float64 is made


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
    shares, chance = right_answers(exits.val).mean(0), _most_frequent(exits.val.labels)
    spread = math.sqrt(chance * (1 - chance) / len(exits.val.labels))
    learned, share = shares > chance + _SIGMAS * spread, float(shares[-1])
    yield from _confidence_remarks(exits.val.logits, shares, learned)
    if not learned[-1]:
        yield (
            f"warning: {100 * share:.2f} % on validation is chance level ({100 * chance:.2f} % for "
            "the most frequent class): are the classes in another order, the images normalised or "
            "sized in another way?"
        )


def _confidence_remarks(
    logits: NDArray[np.float32], shares: NDArray[np.float64], learned: NDArray[np.bool_]
) -> Iterator[str]:
    """A warning where targets are nearly uniform, as of probabilities that are taken for logits.

    Of an exit that has learned something, the mean largest softmax must exceed 1/C by at least half
    of what the accuracy does. (Of C classes in 0 … 1 the largest softmax is at most
    e / (e + C - 1): 0.73 of 2, 0.23 of 10, 0.03 of 100.)
    """
    guess, sure = 1 / logits.shape[2], _confidence(logits)
    if (learned & (sure - guess < _SURE * (shares - guess))).any():
        said = " ".join(f"{100 * one:.2f}" for one in sure)
        yield (
            f"warning: mean confidence (largest softmax) per exit on validation: {said} %, far "
            "below the accuracy: at τ = 1 already its targets teach next to nothing; are its "
            "answers probabilities, or scaled?"
        )


def _confidence(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean over images of each exit's largest probability, ``(E,)``."""
    starts = range(0, len(logits), _AT_ONCE)
    parts = [softmax(logits[start : start + _AT_ONCE]).max(-1).sum(0) for start in starts]
    found: NDArray[np.float64] = np.sum(parts, axis=0) / len(logits)
    return found


def _most_frequent(labels: NDArray[np.int64]) -> float:
    return float(np.bincount(labels).max() / len(labels))
