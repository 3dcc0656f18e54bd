"""Operations on numbers whose loops LLVM turns into vector code without the licence of fastmath.

Each stands for one to five machine instructions that Python has no name for. NaN and infinities
keep their meaning everywhere.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_MANTISSA_BITS = 52
_INTEGERS: dict[Any, Any] = {types.float32: types.uint32, types.float64: types.uint64}
# Key of -inf before :func:`order_key` moves it to 0: the order of the bits read as an integer.
_KEY_OF_MINUS_INFINITY = {32: 0x807FFFFF, 64: 0x800FFFFFFFFFFFFF}

# What Numba and llvmlite hand in and take back; llvmlite ships no types.
Object: TypeAlias = Any
Builder: TypeAlias = Any
# Numba's signature and what emits the instructions.
Emitter: TypeAlias = tuple[Any, Callable[..., Any]]


def operation(emitter: Callable[..., Emitter]) -> Callable[..., float]:
    """What compiled code calls: without ``emitter``'s first argument, the typing context."""
    return cast(Callable[..., float], intrinsic(emitter))


@operation
def add_in_any_order(typing: Object, total: Object, term: Object) -> Emitter:
    """``total + term``, where a loop may keep several partial sums and join them at the end."""

    def emit(context: Object, builder: Builder, signature: Object, args: list[Object]) -> Object:
        return builder.fadd(*args, flags=("reassoc",))

    return types.float64(types.float64, types.float64), emit


@operation
def fused_multiply_add(typing: Object, left: Object, right: Object, term: Object) -> Emitter:
    """``left * right + term`` in float64, rounded once."""

    def emit(context: Object, builder: Builder, signature: Object, args: list[Object]) -> Object:
        number = ir.DoubleType()
        kind = ir.FunctionType(number, [number] * 3)
        return builder.call(builder.module.declare_intrinsic("llvm.fma", [number], kind), args)

    return types.float64(types.float64, types.float64, types.float64), emit


@operation
def power_of_two(typing: Object, number: Object) -> Emitter:
    """2 to a power that, bias included, stands in the low mantissa bits of ``number``."""

    def emit(context: Object, builder: Builder, signature: Object, args: list[Object]) -> Object:
        bits = ir.IntType(64)
        exponent = builder.shl(builder.bitcast(args[0], bits), ir.Constant(bits, _MANTISSA_BITS))
        return builder.bitcast(exponent, ir.DoubleType())

    return types.float64(types.float64), emit


@operation
def order_key(typing: Object, number: Object) -> Emitter:
    """An unsigned integer that sorts like ``number``: -inf is 0, and every NaN is above +inf.

    -0.0 comes directly before 0.0. :func:`from_order_key` undoes it, NaN's payload included.
    """

    def emit(context: Object, builder: Builder, signature: Object, args: list[Object]) -> Object:
        bits = ir.IntType(signature.args[0].bitwidth)
        key = _flip_if_negative(builder, builder.bitcast(args[0], bits))
        return builder.sub(key, ir.Constant(bits, _KEY_OF_MINUS_INFINITY[bits.width]))

    return _INTEGERS[number](number), emit


@operation
def from_order_key(typing: Object, key: Object) -> Emitter:
    """The number of which ``key`` is the :func:`order_key`."""
    number = {integer: float_ for float_, integer in _INTEGERS.items()}[key]

    def emit(context: Object, builder: Builder, signature: Object, args: list[Object]) -> Object:
        bits = args[0].type
        key = builder.add(args[0], ir.Constant(bits, _KEY_OF_MINUS_INFINITY[bits.width]))
        return builder.bitcast(_flip_if_negative(builder, key), context.get_value_type(number))

    return number(key), emit


@operation
def larger(typing: Object, left: Object, right: Object) -> Emitter:
    """The larger of two unsigned integers of one width (Numba's own ``max`` would widen them)."""

    def emit(context: Object, builder: Builder, signature: Object, args: list[Object]) -> Object:
        return builder.select(builder.icmp_unsigned(">", *args), *args)

    return left(left, left), emit


def _flip_if_negative(builder: Builder, bits: Object) -> Object:
    """Negative numbers get all but their sign inverted, so that smaller ones sort first."""
    width = bits.type.width
    sign = builder.ashr(bits, ir.Constant(bits.type, width - 1))
    return builder.xor(bits, builder.and_(sign, ir.Constant(bits.type, 2 ** (width - 1) - 1)))
