"""How many harmed units a certificate allows: the exact tail of the binomial distribution.

Floating-point logarithms decide wherever their rounding cannot matter. Where it can, as for
delta = (1 - epsilon)^n, whole numbers decide: ``epsilon`` and ``delta`` are exact fractions.
"""

import math
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError

_ROUNDINGS = 16  # of one unit in the last place each, in the logarithm of a term; 6 in truth
# For a larger n, (1 - epsilon)^n equals no number of 53 bits, unless epsilon is 1/2. Then it is a
# power of two, and float64 has none below 2^-1074.
_LARGEST_TIE = 1074
_DIGITS = 100


def critical_count(units: int, epsilon: float, delta: float) -> int:
    """The largest k with P(Binomial(``units``, ``epsilon``) <= k) <= ``delta``; -1 if none.

    The comparison is exact: the answer is that of rational arithmetic on the given numbers.

    Raises:
        ValueError: negative units, or epsilon or delta outside (0, 1).
    """
    check_probability("epsilon", epsilon)
    check_probability("delta", delta)
    if units < 0:
        raise ErdeError(f"units must be at least 0, got {units}")
    tail, error = _tail_over_delta(units, epsilon, delta)
    if (np.abs(tail - 1) <= error).any():
        return _exact_count(units, Fraction(epsilon), Fraction(delta))
    return int(np.searchsorted(tail, 1.0)) - 1


def units_needed(epsilon: float, delta: float) -> int:
    """The smallest n at which n units without a single harm certify anything.

    That is the smallest n with ``critical_count(n, epsilon, delta) >= 0``, as exact as that.

    Raises:
        ValueError: epsilon or delta outside (0, 1).
    """
    check_probability("epsilon", epsilon)
    check_probability("delta", delta)
    context = Context(prec=_DIGITS - math.floor(math.log10(epsilon)))  # 1 - epsilon is not 1
    harmless = 1 - Fraction(epsilon)
    logs = (_decimal(x, context).ln(context) for x in (Fraction(delta), harmless))
    ratio = context.divide(*logs)
    nearest = int(ratio.to_integral_value())
    if 0 < nearest <= _LARGEST_TIE and harmless**nearest == Fraction(delta):
        return nearest
    return max(1, math.ceil(ratio))


def check_probability(name: str, value: float) -> None:
    """``value`` lies strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ErdeError(f"{name} must lie strictly between 0 and 1, got {value!r}")


def _tail_over_delta(
    units: int, epsilon: float, delta: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(at most k) / delta for k = 0 … units, and a bound of its error."""
    k = np.arange(units + 1)
    factorial = np.array([math.lgamma(i + 1) for i in range(units + 1)])  # of k, as a logarithm
    parts = (
        factorial[-1] - factorial - factorial[::-1],
        k * math.log(epsilon),
        (units - k) * math.log1p(-epsilon),
    )
    largest = factorial[-1] + units * abs(math.log1p(-epsilon)) - units * math.log(epsilon)
    relative = (_ROUNDINGS * (largest + abs(math.log(delta)) + 1) + units) * np.finfo(float).eps
    with np.errstate(over="ignore", under="ignore"):  # far beyond delta, or far below it
        tail = np.cumsum(np.exp(sum(parts) - math.log(delta)))
    return tail, np.minimum(tail, 2.0) * relative


def _exact_count(units: int, epsilon: Fraction, delta: Fraction) -> int:
    """:func:`critical_count` in whole numbers: all terms times the common denominator."""
    harm, harmless = epsilon.numerator, epsilon.denominator - epsilon.numerator
    limit = delta.numerator * epsilon.denominator**units
    term = total = harmless**units * delta.denominator
    k = 0
    while total <= limit:
        term = term * (units - k) * harm // ((k + 1) * harmless)
        total += term
        k += 1
    return k - 1


def _decimal(value: Fraction, context: Context) -> Decimal:
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))
