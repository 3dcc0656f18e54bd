"""ERDE's mathematics on arrays: the NumPy reference of loss, exit policy and threshold sweep.

Axes: N samples, E exits, C classes, V views, K operating points. Logits are raw ``(N, E, C)``;
entropy is in nats; accuracy is a fraction. ``erde_core.fast`` has the same names compiled.
"""

from erde_core.loss import (
    cross_entropy,
    erde_loss,
    erde_loss_and_gradient,
    kd_divergence,
    negative_entropy,
    teacher_right,
)
from erde_core.policy import exit_indices
from erde_core.settings import METHODS, LossSettings, method_settings
from erde_core.softmax import entropy, log_softmax, softmax
from erde_core.sweep import (
    OperatingPoints,
    accuracy_at,
    area_under_curve,
    best_index,
    pareto_front,
    sweep,
)

__all__ = [
    "METHODS",
    "LossSettings",
    "OperatingPoints",
    "accuracy_at",
    "area_under_curve",
    "best_index",
    "cross_entropy",
    "entropy",
    "erde_loss",
    "erde_loss_and_gradient",
    "exit_indices",
    "kd_divergence",
    "log_softmax",
    "method_settings",
    "negative_entropy",
    "pareto_front",
    "softmax",
    "sweep",
    "teacher_right",
]
