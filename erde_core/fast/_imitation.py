"""KD in its other forms and the divergence from the own last exit, for one row of C logits.

What ``erde_core.loss.imitation`` defines; both add their slopes to the scratch row SLOPE.
"""

import math

import numpy as np
from numpy.typing import NDArray

from erde_core.fast._exp import exp
from erde_core.fast._jit import serial
from erde_core.fast._settings import Plan
from erde_core.fast._sums import LAST, P_SOFT, Q_SOFT, SLOPE, add_softened, largest, largest_beside
from erde_core.fast._vector import add_in_any_order

# The published code adds it to the deviation.
_TINY = 1e-7
# In place of a label: no class is left out.
_NO_CLASS = -1


@serial
def imitate(
    student: NDArray[np.floating],
    top: float,
    teacher: NDArray[np.floating],
    teacher_top: float,
    label: int,
    weight: float,
    plan: Plan,
    scratch: NDArray[np.float64],
) -> float:
    """``weight`` · KD of two rows with maxima; NaN where the form cannot use a row."""
    mean, deviation, scale, teacher_scale = 0.0, 0.0, 1.0, 1.0
    if plan.standardise:
        mean, deviation = _spread(student, top)
        _, of_teacher = _spread(teacher, teacher_top)
        scale, teacher_scale = _TINY + deviation, _TINY + of_teacher
    beside, teacher_beside = top, teacher_top
    if plan.decoupled:
        # Without the label the maximum is another only where the label has it.
        if student[label] == top:
            beside = largest_beside(student, label)
        if teacher[label] == teacher_top:
            teacher_beside = largest_beside(teacher, label)
    for number in (scale, teacher_scale, beside, teacher_beside):
        if not math.isfinite(number):
            return math.nan
    if weight == 0:
        return 0.0
    x_factor = plan.inverse_temperature / scale
    y_factor = plan.inverse_temperature / teacher_scale
    left_out = label if plan.decoupled else _NO_CLASS
    of_student, of_teacher, weighted = _sums(
        student, beside, x_factor, teacher, teacher_beside, y_factor, left_out, scratch
    )
    among = weighted / of_teacher + math.log(of_student / of_teacher)
    value, pull = among, 0.0
    p_factor, q_factor = 1 / of_student, 1 / of_teacher
    if plan.decoupled:
        odds = (np.float64(student[label]) - beside) * x_factor - math.log(of_student)
        target = (np.float64(teacher[label]) - teacher_beside) * y_factor - math.log(of_teacher)
        value = plan.of_others * among if plan.of_others > 0 else 0.0  # not 0 · inf
        value += plan.of_label * _two_way(odds, target) if plan.of_label > 0 else 0.0
        pull = plan.of_label * (_sigmoid(odds) - _sigmoid(target))
        p_factor, q_factor = (plan.of_others - pull) * p_factor, plan.of_others * q_factor
    for c in range(student.size):
        scratch[Q_SOFT, c] = p_factor * scratch[P_SOFT, c] - q_factor * scratch[Q_SOFT, c]
    if plan.decoupled:
        scratch[Q_SOFT, label] = pull
    _add_slope(student, top, mean, deviation, weight * plan.temperature, plan.standardise, scratch)
    return weight * plan.temperature * plan.temperature * value


@serial
def soften_last(
    last: NDArray[np.floating], plan: Plan, scratch: NDArray[np.float64]
) -> tuple[float, float]:
    """Fills the scratch row LAST with exp((last - top) / τ); the maximum ``top``, and the sum."""
    top, total = largest(last), 0.0
    for c in range(last.size):
        q = exp((np.float64(last[c]) - top) * plan.inverse_temperature)
        scratch[LAST, c] = q
        total = add_in_any_order(total, q)
    return top, total


@serial
def follow(
    row: NDArray[np.floating],
    top: float,
    last: NDArray[np.floating],
    last_top: float,
    last_total: float,
    weight: float,
    plan: Plan,
    scratch: NDArray[np.float64],
) -> float:
    """``weight`` · τ² KL(last ‖ row); ``last_total`` is what :func:`soften_last` gave."""
    total, weighted = 0.0, 0.0
    for c in range(row.size):
        x = (np.float64(row[c]) - top) * plan.inverse_temperature
        y = (np.float64(last[c]) - last_top) * plan.inverse_temperature
        p, q = exp(x), scratch[LAST, c]
        scratch[P_SOFT, c] = p
        total = add_in_any_order(total, p)
        weighted = add_in_any_order(weighted, (y - x) * q if q > 0 else q)
    slope = weight * plan.temperature
    of_p, of_q = slope / total, slope / last_total
    for c in range(row.size):
        scratch[SLOPE, c] += of_p * scratch[P_SOFT, c] - of_q * scratch[LAST, c]
    return slope * plan.temperature * (weighted / last_total + math.log(total / last_total))


@serial
def _spread(row: NDArray[np.floating], top: float) -> tuple[float, float]:
    """Mean of row - top, and the deviation of C - 1 degrees of freedom; not finite with -inf."""
    total, squares = 0.0, 0.0
    for c in range(row.size):
        total = add_in_any_order(total, np.float64(row[c]) - top)
    mean = total / row.size
    for c in range(row.size):
        centred = np.float64(row[c]) - top - mean
        squares = add_in_any_order(squares, centred * centred)
    return mean, math.sqrt(squares / (row.size - 1))


@serial
def _sums(
    student: NDArray[np.floating],
    top: float,
    x_factor: float,
    teacher: NDArray[np.floating],
    teacher_top: float,
    y_factor: float,
    left_out: int,
    scratch: NDArray[np.float64],
) -> tuple[float, float, float]:
    """``_sums.soft_sums`` with a factor per row, and without the class ``left_out``."""
    sums = 0.0, 0.0, 0.0
    for c in range(student.size):
        x: float = (np.float64(student[c]) - top) * x_factor
        y: float = (np.float64(teacher[c]) - teacher_top) * y_factor
        if c == left_out:
            x = y = -math.inf
        sums = add_softened(sums, x, y, c, scratch)
    return sums


@serial
def _add_slope(
    student: NDArray[np.floating],
    top: float,
    mean: float,
    deviation: float,
    weight: float,
    standardise: bool,
    scratch: NDArray[np.float64],
) -> None:
    """Adds ``weight`` · the scratch row Q_SOFT, a derivative by what KD compares, to SLOPE."""
    if not standardise:
        for c in range(student.size):
            scratch[SLOPE, c] += weight * scratch[Q_SOFT, c]
        return
    total, along = 0.0, 0.0
    for c in range(student.size):
        slope = scratch[Q_SOFT, c]
        total = add_in_any_order(total, slope)
        along = add_in_any_order(along, slope * (np.float64(student[c]) - top - mean))
    level, scale = total / student.size, _TINY + deviation
    # A row of equal entries counts as one of fixed deviation.
    bend = along / (scale * deviation * (student.size - 1)) if deviation > 0 else 0.0
    for c in range(student.size):
        centred = np.float64(student[c]) - top - mean
        scratch[SLOPE, c] += weight * (scratch[Q_SOFT, c] - level - centred * bend) / scale


@serial
def _two_way(odds: float, target: float) -> float:
    """KL of two distributions over (label, rest) given by their log-odds; ``target`` weighs."""
    q, rest, divergence = _sigmoid(target), _sigmoid(-target), 0.0
    if q > 0:
        divergence += q * (_softplus(-odds) - _softplus(-target))
    if rest > 0:
        divergence += rest * (_softplus(odds) - _softplus(target))
    return divergence


@serial
def _sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


@serial
def _softplus(odds: float) -> float:
    """log(1 + exp(odds))."""
    return max(odds, 0.0) + math.log1p(math.exp(-abs(odds)))
