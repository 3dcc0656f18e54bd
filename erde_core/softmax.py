"""Softmax, its logarithm and its entropy, along the last axis, in float64.

A row is *undefined* if it holds NaN or +inf, or nothing but -inf: all its outputs are NaN. Single
entries of -inf (masked classes) have probability 0 and add 0 to the entropy (0 · log 0 = 0).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks

Float64 = NDArray[np.float64]


class Softmax(NamedTuple):
    """Probabilities and their logarithms, float64 ``(..., C)`` each."""

    p: Float64
    log_p: Float64


def log_softmax(logits: ArrayLike) -> Float64:
    """Natural logarithm of ``softmax(logits)``.

    Args:
        logits: raw scores, float16/32/64, ``(..., C)``; read only.

    Returns:
        float64 ``(..., C)``, at most 0; -inf for masked classes.

    Raises:
        ValueError: ``logits`` is not floating point or its last axis is empty.
    """
    return softmax_of_shifted(shift_to_zero(checks.float_array("logits", logits))).log_p


def softmax(logits: ArrayLike) -> Float64:
    """Class probabilities; arguments, shape and errors as in :func:`log_softmax`."""
    return softmax_of_shifted(shift_to_zero(checks.float_array("logits", logits))).p


def entropy(logits: ArrayLike) -> Float64:
    """Shannon entropy of ``softmax(logits)`` in nats, 0 … log C.

    Args:
        logits: raw scores, float16/32/64, ``(..., C)``; read only.

    Returns:
        float64 ``(...)``; never below 0, NaN for undefined rows.

    Raises:
        ValueError: ``logits`` is not floating point or its last axis is empty.
    """
    p, log_p = softmax_of_shifted(shift_to_zero(checks.float_array("logits", logits)))
    return np.abs(expected_log(p, log_p))  # no summand is above 0; a minus would give -0.0


def shift_to_zero(logits: NDArray[np.floating]) -> Float64:
    """``logits`` in float64 minus each row's maximum, so that no power of e overflows."""
    scores = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):  # inf - inf is the documented NaN
        scores -= scores.max(axis=-1, keepdims=True)
    return scores


def softmax_of_shifted(shifted: Float64) -> Softmax:
    """Softmax of rows whose maximum is 0 (or NaN)."""
    with np.errstate(invalid="ignore"):
        powers = np.exp(shifted)
        total = powers.sum(axis=-1, keepdims=True)
        return Softmax(powers / total, shifted - np.log(total))


def expected_log(probabilities: Float64, logs: Float64) -> Float64:
    """Σ_c probabilities · logs over the last axis, where 0 · (anything) = 0."""
    with np.errstate(invalid="ignore"):
        sums: Float64 = np.where(probabilities == 0, 0.0, probabilities * logs).sum(axis=-1)
        return sums
