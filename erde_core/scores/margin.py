"""1 - (largest - second largest probability): how near the exit is to another answer, 0 … 1."""

import numpy as np
from numpy.typing import ArrayLike

from erde_core import checks
from erde_core.softmax import Float64, softmax


def largest(classes: int) -> float:
    """A little above 1, the value where two classes are equally probable."""
    checks.class_count(classes)
    return 1 + 1e-9


def values(logits: ArrayLike) -> Float64:
    """The sum of all probabilities but the largest, and the second largest once more.

    The same as 1 - (largest - second), without the cancellation of a sure exit.

    Args:
        logits: raw, ``(N, E, C)``, at least two classes.

    Returns:
        float64 ``(N, E)``; NaN for undefined rows.

    Raises:
        ValueError: as :func:`erde_core.softmax`, or one class.
    """
    p = softmax(logits)
    checks.class_count(p.shape[-1])
    others = np.sort(p, axis=-1)[..., :-1]  # NaN sorts last, so an undefined row is all NaN
    values: Float64 = np.minimum(others.sum(axis=-1) + others[..., -1], 1.0)
    return values
