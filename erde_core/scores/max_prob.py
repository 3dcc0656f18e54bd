"""What the largest probability leaves to all other classes together: 1 - max p, 0 … 1 - 1/C."""

import numpy as np
from numpy.typing import ArrayLike

from erde_core import checks
from erde_core.softmax import Float64, softmax


def largest(classes: int) -> float:
    """1: above every value."""
    checks.class_count(classes)
    return 1.0


def values(logits: ArrayLike) -> Float64:
    """The sum of the other probabilities.

    They are added up, not subtracted from 1: a sure exit's 1e-30 stays 1e-30.

    Args:
        logits: raw, ``(N, E, C)``.

    Returns:
        float64 ``(N, E)``; NaN for undefined rows.

    Raises:
        ValueError: as :func:`erde_core.softmax`.
    """
    p = softmax(logits)
    top = p.argmax(axis=-1, keepdims=True)
    others = p.copy()
    np.put_along_axis(others, top, 0.0, axis=-1)
    undefined = np.isnan(p).any(axis=-1)
    return np.where(undefined, np.nan, others.sum(axis=-1))
