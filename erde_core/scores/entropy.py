"""Entropy of the softmax, in nats: the paper's score (BranchyNet, Teerapittayanon et al., 2016)."""

import math

from numpy.typing import ArrayLike

from erde_core import checks
from erde_core.softmax import Float64, entropy


def largest(classes: int) -> float:
    """2 · log C: twice the largest entropy."""
    checks.class_count(classes)
    return 2 * math.log(classes)


def values(logits: ArrayLike) -> Float64:
    """:func:`erde_core.entropy` of raw logits ``(N, E, C)``, float64 ``(N, E)``."""
    return entropy(logits)
