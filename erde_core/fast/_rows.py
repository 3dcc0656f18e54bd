"""The loss of one row of C logits and its gradient; the compiled inside of ``erde_core.fast.loss``.

A row is read from memory once; later passes find it, and the scratch rows, in the first-level
cache.
"""

import math

import numpy as np
from numpy.typing import NDArray

from erde_core.fast._jit import inlined, serial
from erde_core.fast._sums import (
    P_LOG,
    P_SOFT,
    Q_SOFT,
    P,
    plain_sums,
    plain_total_from_soft,
    soft_sums,
)

_LARGEST = float(np.finfo(np.float64).max)
# What the scratch rows P, P_SOFT and Q_SOFT count for in the gradient.
_Factors = tuple[float, float, float]


@serial
def without_kd(
    student: NDArray,
    top: float,
    label: int,
    ce: float,
    ent: float,
    gradient: NDArray,
    scratch: NDArray,
) -> float:
    """CE and ENT of one row with maximum ``top``; writes the gradient unless that is empty."""
    loss, of_p, of_p_log = ce_and_ent(student, top, label, ce, ent, scratch)
    if gradient.size > 0:
        for c in range(gradient.size):
            gradient[c] = of_p * scratch[P, c] + of_p_log * scratch[P_LOG, c]
        gradient[label] = of_p * scratch[P, label] + of_p_log * scratch[P_LOG, label] - ce
    return loss


@serial
def with_kd(
    student: NDArray,
    top: float,
    teacher: NDArray,
    teacher_top: float,
    label: int,
    weights: NDArray,
    temperature: float,
    gradient: NDArray,
    scratch: NDArray,
) -> float:
    """CE, KD and ENT by ``weights`` of two rows with maxima; as :func:`without_kd`."""
    ce, kd, ent = weights[0], weights[1], weights[2]
    inverse = min(1 / temperature, _LARGEST)
    of_student, of_teacher, weighted = soft_sums(
        student, top, teacher, teacher_top, inverse, scratch
    )
    divergence = weighted / of_teacher + math.log(of_student / of_teacher)
    loss = kd * temperature * temperature * divergence
    of_p = 0.0
    if ent > 0:
        plain_loss, of_p, of_p_log = ce_and_ent(student, top, label, ce, ent, scratch)
        loss += plain_loss
        for c in range(student.size):
            scratch[P, c] = of_p * scratch[P, c] + of_p_log * scratch[P_LOG, c]
        of_p = 1.0
    elif ce > 0:
        if temperature == 1 or temperature == 2 or temperature == 4:
            total = plain_total_from_soft(temperature, scratch)
        else:
            total, _ = plain_sums(student, top, scratch)
        loss += ce * (math.log(total) - (np.float64(student[label]) - top))
        of_p = ce / total
    if gradient.size > 0:
        factors = of_p, kd * temperature / of_student, kd * temperature / of_teacher
        for c in range(gradient.size):
            gradient[c] = slope_with_kd(scratch, c, factors)
        gradient[label] = slope_with_kd(scratch, label, factors) - ce
    return loss


@inlined
def ce_and_ent(
    student: NDArray, top: float, label: int, ce: float, ent: float, scratch: NDArray
) -> tuple[float, float, float]:
    """Both terms, and the factors of scratch rows P and P_LOG in their derivative."""
    total, weighted = plain_sums(student, top, scratch)
    log_total = math.log(total)
    negative_entropy = weighted / total - log_total
    loss = ent * negative_entropy
    if ce > 0:  # the label may be a masked class: 0 · inf would be NaN
        loss += ce * (log_total - (np.float64(student[label]) - top))
    return loss, (ce - ent * (log_total + negative_entropy)) / total, ent / total


@serial
def slope_with_kd(scratch: NDArray, c: int, factors: _Factors) -> float:
    """The derivative by class c, but for CE's -1 at the label."""
    of_p, of_p_soft, of_q_soft = factors
    return of_p * scratch[P, c] + (of_p_soft * scratch[P_SOFT, c] - of_q_soft * scratch[Q_SOFT, c])
