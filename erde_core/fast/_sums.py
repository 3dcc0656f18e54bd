"""Maximum, answer and sums of exponentials of one row of C logits, as vector code.

Arithmetic is float64 whatever the logits are. ``scratch`` is float64 ``(SCRATCH_ROWS, C)``.
"""

import numpy as np
from numpy.typing import NDArray

from erde_core.fast._exp import exp, finite
from erde_core.fast._jit import inlined, serial
from erde_core.fast._vector import add_in_any_order, from_order_key, larger, order_key

# The rows of a scratch array: exp x, x exp x, both softened distributions, not yet normalised, the
# gradient as it grows, and the softened last row of the same sample.
P, P_LOG, P_SOFT, Q_SOFT, SLOPE, LAST = range(6)
SCRATCH_ROWS = 6


@serial
def largest(row: NDArray[np.floating]) -> float:
    """The maximum of ``row`` in float64, NaN if any entry is."""
    key = order_key(row[0])
    for c in range(1, row.size):
        key = larger(key, order_key(row[c]))
    return np.float64(from_order_key(key))


@serial
def largest_beside(row: NDArray[np.floating], label: int) -> float:
    """The maximum of ``row`` without its entry ``label``, NaN if any other entry is."""
    key = order_key(row[1 if label == 0 else 0])
    for c in range(row.size):
        key = larger(key, order_key(row[c]) if c != label else key)
    return np.float64(from_order_key(key))


@serial
def answers(row: NDArray[np.floating], label: int, top: float) -> bool:
    """Whether ``label`` is the first entry of a defined row that equals its maximum ``top``."""
    if row[label] != top:
        return False
    earlier = 0
    for c in range(label):
        earlier += row[c] == top
    return earlier == 0


@serial
def plain_sums(
    row: NDArray[np.floating], top: float, scratch: NDArray[np.float64]
) -> tuple[float, float]:
    """Σ exp x and Σ x exp x of x = row - top; the summands stay in ``scratch``."""
    total, weighted = 0.0, 0.0
    for c in range(row.size):
        x = finite(np.float64(row[c]) - top)
        p = exp(x)
        product = x * p
        scratch[P, c] = p
        scratch[P_LOG, c] = product
        total = add_in_any_order(total, p)
        weighted = add_in_any_order(weighted, product)
    return total, weighted


@serial
def plain_total(row: NDArray[np.floating], top: float, scratch: NDArray[np.float64]) -> float:
    """Σ exp x of x = row - top; the summands stay in ``scratch``."""
    total = 0.0
    for c in range(row.size):
        p = exp(np.float64(row[c]) - top)
        scratch[P, c] = p
        total = add_in_any_order(total, p)
    return total


@serial
def plain_total_from_soft(temperature: float, scratch: NDArray[np.float64]) -> float:
    """Σ exp x where exp x is a power of the softened exp(x / τ), τ = 1, 2 or 4."""
    total = 0.0
    for c in range(scratch.shape[1]):
        soft = scratch[P_SOFT, c]
        square = soft * soft
        p = square * square if temperature == 4 else square if temperature == 2 else soft
        scratch[P, c] = p
        total = add_in_any_order(total, p)
    return total


@serial
def soft_sums(
    student: NDArray[np.floating],
    student_top: float,
    teacher: NDArray[np.floating],
    teacher_top: float,
    inverse_temperature: float,
    scratch: NDArray[np.float64],
) -> tuple[float, float, float]:
    """Σ exp x, Σ exp y and Σ (y - x) exp y of the shifted student x and teacher y, both over τ."""
    sums = 0.0, 0.0, 0.0
    for c in range(student.size):
        x = (np.float64(student[c]) - student_top) * inverse_temperature
        y = (np.float64(teacher[c]) - teacher_top) * inverse_temperature
        sums = add_softened(sums, x, y, c, scratch)
    return sums


@inlined
def add_softened(
    sums: tuple[float, float, float], x: float, y: float, c: int, scratch: NDArray[np.float64]
) -> tuple[float, float, float]:
    """``sums`` of :func:`soft_sums` with class c, whose exponentials stay in ``scratch``."""
    of_student, of_teacher, weighted = sums
    p, q = exp(x), exp(y)
    scratch[P_SOFT, c] = p
    scratch[Q_SOFT, c] = q
    of_student = add_in_any_order(of_student, p)
    of_teacher = add_in_any_order(of_teacher, q)
    return of_student, of_teacher, add_in_any_order(weighted, (y - x) * q if q > 0 else q)
