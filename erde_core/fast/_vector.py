"""Operations on numbers whose loops LLVM turns into vector code without the licence of fastmath.

Each stands for one to five machine instructions that Python has no name for. NaN and infinities
keep their meaning everywhere.
"""

from llvmlite import ir
from numba import types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

_MANTISSA_BITS = 52
_INTEGERS = {types.float32: types.uint32, types.float64: types.uint64}
# Key of -inf before :func:`order_key` moves it to 0: the order of the bits read as an integer.
_KEY_OF_MINUS_INFINITY = {32: 0x807FFFFF, 64: 0x800FFFFFFFFFFFFF}

Builder = ir.IRBuilder


@intrinsic
def add_in_any_order(typing: object, total: types.Float, term: types.Float) -> tuple:
    """``total + term``, where a loop may keep several partial sums and join them at the end."""

    def emit(context: object, builder: Builder, signature: Signature, args: list) -> ir.Value:
        return builder.fadd(*args, flags=("reassoc",))

    return types.float64(types.float64, types.float64), emit


@intrinsic
def fused_multiply_add(
    typing: object, left: types.Float, right: types.Float, term: types.Float
) -> tuple:
    """``left * right + term`` in float64, rounded once."""

    def emit(context: object, builder: Builder, signature: Signature, args: list) -> ir.Value:
        number = ir.DoubleType()
        kind = ir.FunctionType(number, [number] * 3)
        return builder.call(builder.module.declare_intrinsic("llvm.fma", [number], kind), args)

    return types.float64(types.float64, types.float64, types.float64), emit


@intrinsic
def power_of_two(typing: object, number: types.Float) -> tuple:
    """2 to a power that, bias included, stands in the low mantissa bits of ``number``."""

    def emit(context: object, builder: Builder, signature: Signature, args: list) -> ir.Value:
        bits = ir.IntType(64)
        exponent = builder.shl(builder.bitcast(args[0], bits), ir.Constant(bits, _MANTISSA_BITS))
        return builder.bitcast(exponent, ir.DoubleType())

    return types.float64(types.float64), emit


@intrinsic
def order_key(typing: object, number: types.Float) -> tuple:
    """An unsigned integer that sorts like ``number``: -inf is 0, and every NaN is above +inf.

    -0.0 comes directly before 0.0. :func:`from_order_key` undoes it, NaN's payload included.
    """

    def emit(context: object, builder: Builder, signature: Signature, args: list) -> ir.Value:
        bits = ir.IntType(signature.args[0].bitwidth)
        key = _flip_if_negative(builder, builder.bitcast(args[0], bits))
        return builder.sub(key, ir.Constant(bits, _KEY_OF_MINUS_INFINITY[bits.width]))

    return _INTEGERS[number](number), emit


@intrinsic
def from_order_key(typing: object, key: types.Integer) -> tuple:
    """The number of which ``key`` is the :func:`order_key`."""
    number = {integer: float_ for float_, integer in _INTEGERS.items()}[key]

    def emit(context: object, builder: Builder, signature: Signature, args: list) -> ir.Value:
        bits = args[0].type
        key = builder.add(args[0], ir.Constant(bits, _KEY_OF_MINUS_INFINITY[bits.width]))
        return builder.bitcast(_flip_if_negative(builder, key), context.get_value_type(number))

    return number(key), emit


@intrinsic
def larger(typing: object, left: types.Integer, right: types.Integer) -> tuple:
    """The larger of two unsigned integers of one width (Numba's own ``max`` would widen them)."""

    def emit(context: object, builder: Builder, signature: Signature, args: list) -> ir.Value:
        return builder.select(builder.icmp_unsigned(">", *args), *args)

    return left(left, left), emit


def _flip_if_negative(builder: Builder, bits: ir.Value) -> ir.Value:
    """Negative numbers get all but their sign inverted, so that smaller ones sort first."""
    width = bits.type.width
    sign = builder.ashr(bits, ir.Constant(bits.type, width - 1))
    return builder.xor(bits, builder.and_(sign, ir.Constant(bits.type, 2 ** (width - 1) - 1)))
