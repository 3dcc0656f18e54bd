"""The names of ``erde_core`` that have a twin compiled with Numba, chosen by import.

    from erde_core import fast

Same arguments, outcomes and errors; the first call of each compiles for some seconds. What needs
no twin (settings, single questions to an operating curve) stays in ``erde_core``.
"""

from erde_core.fast.loss import (
    cross_entropy,
    erde_loss,
    erde_loss_and_gradient,
    kd_divergence,
    negative_entropy,
    teacher_right,
)
from erde_core.fast.policy import exit_indices
from erde_core.fast.sweep import sweep

__all__ = [
    "cross_entropy",
    "erde_loss",
    "erde_loss_and_gradient",
    "exit_indices",
    "kd_divergence",
    "negative_entropy",
    "sweep",
    "teacher_right",
]
