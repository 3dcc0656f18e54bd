"""The loss of one row of C logits and its gradient; the compiled inside of ``erde_core.fast.loss``.

A row is read from memory once; later passes find it, and the scratch rows, in the first-level
cache.
"""

import math

import numpy as np
from numpy.typing import NDArray

from erde_core.fast import _imitation
from erde_core.fast._jit import inlined, serial
from erde_core.fast._settings import Plan
from erde_core.fast._sums import (
    P_LOG,
    P_SOFT,
    Q_SOFT,
    SLOPE,
    P,
    plain_sums,
    plain_total,
    plain_total_from_soft,
    soft_sums,
)

# What the scratch rows P, P_SOFT and Q_SOFT count for in the gradient.
_Factors = tuple[float, float, float]
Array = NDArray[np.floating]
Float64 = NDArray[np.float64]


@inlined
def usual(
    student: Array,
    top: float,
    target: Array,
    target_top: float,
    last: Array,
    last_top: float,
    last_total: float,
    label: int,
    weights: Float64,
    class_weight: float,
    itself: float,
    plan: Plan,
    gradient: Array,
    scratch: Float64,
) -> float:
    """CE, plain KD and ENT of a row; writes the gradient unless that is empty.

    Args:
        student, top: a defined row and its maximum, as are the others.
        target, target_top: any row where KD is not read.
        last, last_top, last_total, itself: as for :func:`with_more`, and not used.
        label: the class.
        weights: of CE, KD and ENT.
        class_weight: another factor of CE.
        plan, gradient, scratch: of the whole call, of the row, of the thread.
    """
    ce, kd, ent = weights[0] * class_weight, weights[1], weights[2]
    if kd > 0:
        return with_kd(
            student, top, target, target_top, label, ce, kd, ent, plan, gradient, scratch
        )
    return without_kd(student, top, label, ce, ent, gradient, scratch)


@serial
def without_kd(
    student: Array,
    top: float,
    label: int,
    ce: float,
    ent: float,
    gradient: Array,
    scratch: Float64,
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
    student: Array,
    top: float,
    teacher: Array,
    teacher_top: float,
    label: int,
    ce: float,
    kd: float,
    ent: float,
    plan: Plan,
    gradient: Array,
    scratch: Float64,
) -> float:
    """CE, plain KD and ENT of two rows with maxima; as :func:`without_kd`."""
    temperature = plan.temperature
    of_student, of_teacher, weighted = soft_sums(
        student, top, teacher, teacher_top, plan.inverse_temperature, scratch
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
def with_more(
    student: Array,
    top: float,
    target: Array,
    target_top: float,
    last: Array,
    last_top: float,
    last_total: float,
    label: int,
    weights: Float64,
    class_weight: float,
    itself: float,
    plan: Plan,
    gradient: Array,
    scratch: Float64,
) -> float:
    """As :func:`usual`, for KD of any form and ``itself`` · the divergence from the ``last`` row.

    A row that a form of KD cannot use gives NaN, in the gradient too. ``last_total`` and scratch
    row LAST are those of ``_imitation.soften_last``.
    """
    ce, kd, ent = weights[0] * class_weight, weights[1], weights[2]
    loss, of_p, of_p_log = 0.0, 0.0, 0.0
    if ent > 0:
        loss, of_p, of_p_log = ce_and_ent(student, top, label, ce, ent, scratch)
        for c in range(student.size):
            scratch[SLOPE, c] = of_p * scratch[P, c] + of_p_log * scratch[P_LOG, c]
    elif ce > 0:
        total = plain_total(student, top, scratch)
        loss = ce * (math.log(total) - (np.float64(student[label]) - top))
        of_p = ce / total
        for c in range(student.size):
            scratch[SLOPE, c] = of_p * scratch[P, c]
    else:
        scratch[SLOPE] = 0.0
    scratch[SLOPE, label] -= ce
    if plan.reads_target:
        loss += _imitation.imitate(student, top, target, target_top, label, kd, plan, scratch)
    if itself > 0:
        loss += _imitation.follow(student, top, last, last_top, last_total, itself, plan, scratch)
    undefined = math.isnan(loss)
    for c in range(gradient.size):
        gradient[c] = math.nan if undefined else scratch[SLOPE, c]
    return loss


@inlined
def ce_and_ent(
    student: Array, top: float, label: int, ce: float, ent: float, scratch: Float64
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
def slope_with_kd(scratch: Float64, c: int, factors: _Factors) -> float:
    """The derivative by class c, but for CE's -1 at the label."""
    of_p, of_p_soft, of_q_soft = factors
    soft: float = of_p_soft * scratch[P_SOFT, c] - of_q_soft * scratch[Q_SOFT, c]
    slope: float = of_p * scratch[P, c] + soft
    return slope
