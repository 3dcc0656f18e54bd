"""exp for arguments of at most 0, without branches, so that loops over it become vector code.

exp x = 2^k · 2^r with an integer k and r = x / log 2 - k within ±1/2. 2^r is the polynomial of
degree 11 through the Chebyshev nodes, made at 40 digits by ``mpmath.chebyfit(lambda r: 2**r,
[-0.5, 0.5], 12)``; it is off by less than 2e-17 with the coefficients rounded to float64.
"""

import math

from erde_core.fast._jit import serial
from erde_core.fast._vector import fused_multiply_add as fma
from erde_core.fast._vector import power_of_two

_LOG2_E = 1 / math.log(2)
# exp is 0 in float64 from here on: half the smallest subnormal is exp(-745.13).
_LOWEST = -746.0
# k goes down to -1075, beyond the normal exponents: 2^(k + 128) is made first, then scaled back.
_EXTRA = 128
_SCALE_BACK = 2.0**-_EXTRA
# Added to a number below 2^51, it leaves the nearest integer in the low mantissa bits, here on top
# of the bias 1023 of a float64's exponent field.
_TO_EXPONENT = 1.5 * 2.0**52 + 1023 + _EXTRA
_C2, _C3 = 0.24022650695910158, 0.055504108664821625
_C4, _C5 = 0.009618129107587256, 0.001333355814640647
_C6, _C7 = 0.00015403530463724353, 1.5252733841556773e-05
_C8, _C9 = 1.3215432535912375e-06, 1.0178057087733941e-07
_C10, _C11 = 7.074194297288521e-09, 4.4558179083360645e-10


@serial
def finite(x: float) -> float:
    """``x``, or where exp x is 0 a number whose exp is 0 too: x · exp x is then 0, not NaN."""
    return _LOWEST if x < _LOWEST else x


@serial
def exp(x: float) -> float:
    """exp(x) in float64 for x <= 0, NaN or -inf.

    Relative error at most 2.5e-16 + 2e-17 · |x| (the second part is that of 1 / log 2), and half
    the smallest subnormal number. exp(-inf) = 0; NaN stays NaN.
    """
    x = finite(x)
    shifted = fma(x, _LOG2_E, _TO_EXPONENT)
    r = fma(x, _LOG2_E, _TO_EXPONENT - shifted)
    value = fma(r, _C11, _C10)
    value = fma(r, value, _C9)
    value = fma(r, value, _C8)
    value = fma(r, value, _C7)
    value = fma(r, value, _C6)
    value = fma(r, value, _C5)
    value = fma(r, value, _C4)
    value = fma(r, value, _C3)
    value = fma(r, value, _C2)
    value = fma(r, value, 0.6931471805599453)
    value = fma(r, value, 1.0)
    return value * power_of_two(shifted) * _SCALE_BACK
