"""The loss of one row of C logits and its gradient; the compiled inside of ``erde_core.fast.loss``.

A row is read from memory once; later passes find it, and the scratch rows, in the first-level
cache.
"""

import math

import numpy as np
from numpy.typing import NDArray

from erde_core.fast._jit import serial
from erde_core.fast._sums import (
    P_LOG,
    P_SOFT,
    Q_SOFT,
    P,
    largest,
    plain_sums,
    plain_sums_from_soft,
    soft_sums,
)

_LARGEST = float(np.finfo(np.float64).max)
# How the gradient is put together from the scratch rows: see write_gradient.
_Factors = tuple[float, float, float, float]


@serial
def loss_and_gradient(
    student: NDArray,
    teacher: NDArray,
    teacher_top: float,
    label: int,
    weights: NDArray,
    temperature: float,
    gradient: NDArray,
    scratch: NDArray,
) -> float:
    """Loss of one row whose teacher row is defined; writes the gradient unless that is empty.

    ``weights`` are the factors of CE, KD and ENT; a term of factor 0 is left out.
    """
    ce, kd, ent = weights[0], weights[1], weights[2]
    top = largest(student)
    if not math.isfinite(top):
        gradient[:] = math.nan
        return math.nan
    loss, of_p, of_p_log, of_p_soft, of_q_soft = 0.0, 0.0, 0.0, 0.0, 0.0
    if kd > 0:
        inverse = min(1 / temperature, _LARGEST)
        of_student, of_teacher, weighted = soft_sums(
            student, top, teacher, teacher_top, inverse, scratch
        )
        divergence = weighted / of_teacher + math.log(of_student / of_teacher)
        loss += kd * temperature * temperature * divergence
        of_p_soft = kd * temperature / of_student
        of_q_soft = kd * temperature / of_teacher
    if ce > 0 or ent > 0:
        if kd > 0 and (temperature == 1 or temperature == 2 or temperature == 4):
            total, weighted = plain_sums_from_soft(student, top, temperature, scratch)
        else:
            total, weighted = plain_sums(student, top, scratch)
        log_total = math.log(total)
        negative_entropy = weighted / total - log_total
        if ce > 0:  # the label may be a masked class: 0 · inf would be NaN
            loss += ce * (log_total - (np.float64(student[label]) - top))
        loss += ent * negative_entropy
        of_p = (ce - ent * (log_total + negative_entropy)) / total
        of_p_log = ent / total
    else:
        scratch[:P_SOFT] = 0.0
    if gradient.size > 0:
        write_gradient(gradient, label, ce, kd > 0, (of_p, of_p_log, of_p_soft, of_q_soft), scratch)
    return loss


@serial
def write_gradient(
    gradient: NDArray, label: int, ce: float, with_kd: bool, factors: _Factors, scratch: NDArray
) -> None:
    """The scratch rows, each times its factor, minus ``ce`` at the label, rounded once."""
    if with_kd:
        for c in range(gradient.size):
            gradient[c] = plain_slope(scratch, c, factors) + soft_slope(scratch, c, factors)
        at_label = plain_slope(scratch, label, factors) + soft_slope(scratch, label, factors)
    else:
        for c in range(gradient.size):
            gradient[c] = plain_slope(scratch, c, factors)
        at_label = plain_slope(scratch, label, factors)
    gradient[label] = at_label - ce


@serial
def plain_slope(scratch: NDArray, c: int, factors: _Factors) -> float:
    """The part of CE and ENT in the derivative by class c, but for the label's -1."""
    return factors[0] * scratch[P, c] + factors[1] * scratch[P_LOG, c]


@serial
def soft_slope(scratch: NDArray, c: int, factors: _Factors) -> float:
    """The part of KD in the derivative by class c."""
    return factors[2] * scratch[P_SOFT, c] - factors[3] * scratch[Q_SOFT, c]
