"""What every public function asks of its arguments, in the same words for reference and twin.

Each check raises an ``ErdeError`` (a ``ValueError``) with the argument's name, the rule and the
value (or both shapes), before anything is computed.
"""

import math
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core.errors import ErdeError

# Of a divergence; see :func:`temperature`.
TEMPERATURES = (0.001, 100.0)
LARGEST_WEIGHT = 1e30  # of a term; a loss some times as large still fits float32


def float_array(name: str, values: ArrayLike, ndim: int | None = None) -> NDArray[np.floating]:
    """``values`` as a floating-point array of ``ndim`` axes, none empty but the first."""
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.floating):
        raise ErdeError(f"{name} must be a floating-point array, got dtype {array.dtype}")
    if ndim is not None and array.ndim != ndim:
        raise ErdeError(f"{name} must have {ndim} axes, got shape {array.shape}")
    if array.ndim == 0 or array.shape[-1] == 0 or (ndim is not None and 0 in array.shape[1:]):
        raise ErdeError(f"{name} must have at least one exit and class, got shape {array.shape}")
    return array


def same_shape(name: str, array: NDArray[Any], other_name: str, other: NDArray[Any]) -> None:
    """``array`` and ``other`` agree in shape."""
    if array.shape != other.shape:
        raise ErdeError(
            f"{name} must have the shape of {other_name}, got {array.shape} and {other.shape}"
        )


def output_array(out: object, student: NDArray[Any], *read: NDArray[Any]) -> NDArray[np.floating]:
    """``out`` can take a gradient by ``student`` while the arrays in ``read`` are being read."""
    if not (isinstance(out, np.ndarray) and out.dtype in (np.float32, np.float64)):
        kind = f"dtype {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
        raise ErdeError(f"out must be a float32 or float64 array, got {kind}")
    same_shape("out", out, "student", student)
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ErdeError(f"out must be contiguous and writable, got strides {out.strides}")
    if any(np.may_share_memory(out, array) for array in read):
        raise ErdeError("out must not overlap student or teacher, got an array that does")
    return out


def class_labels(labels: ArrayLike, samples: int, classes: int) -> NDArray[np.int64]:
    """``labels`` as int64 ``(samples,)``, each in 0 … ``classes`` - 1."""
    array = np.asarray(labels)
    if not np.issubdtype(array.dtype, np.integer):
        raise ErdeError(f"labels must be an integer array, got dtype {array.dtype}")
    if array.shape != (samples,):
        raise ErdeError(f"labels must have shape ({samples},), got {array.shape}")
    outside = (array < 0) | (array >= classes)
    if outside.any():
        value = array[outside][0]
        raise ErdeError(f"labels must lie in 0 … {classes - 1}, got {value}")
    return array.astype(np.int64, copy=False)


def class_weights(name: str, weights: ArrayLike, classes: int) -> NDArray[np.float64]:
    """``weights`` as float64 ``(classes,)``, finite and at least zero."""
    array = float_array(name, weights)
    if array.shape != (classes,):
        raise ErdeError(f"{name} must have shape ({classes},), got {array.shape}")
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        raise ErdeError(f"{name} must hold finite numbers >= 0, got {array[wrong][0]}")
    return array.astype(np.float64, copy=False)


def positive(name: str, value: float) -> None:
    """``value`` is a finite number above zero."""
    if not (is_number(value) and value > 0):
        raise ErdeError(f"{name} must be a finite number > 0, got {value!r}")


def not_negative(name: str, value: float) -> None:
    """``value`` is a finite number of at least zero, and not too large for float32."""
    if not (is_number(value) and value >= 0):
        raise ErdeError(f"{name} must be a finite number >= 0, got {value!r}")
    if value > LARGEST_WEIGHT:
        raise ErdeError(f"{name} must be at most {LARGEST_WEIGHT:g}, got {value!r}")


def temperature(name: str, value: float) -> None:
    """``value`` is a temperature that every backend computes with.

    Above the range τ² magnifies the rounding of a divergence that shrinks like 1/τ² (at 100 by
    0.02 nats in float32); below it τ itself and logits / τ leave float32.
    """
    positive(name, value)
    lowest, highest = TEMPERATURES
    if not lowest <= value <= highest:
        raise ErdeError(f"{name} must lie in {lowest:g} … {highest:g}, got {value!r}")


def flag(name: str, value: object) -> None:
    """``value`` is True or False, and not a number or a word for it."""
    if not isinstance(value, bool):
        raise ErdeError(f"{name} must be True or False, got {value!r}")


def pair_of_weights(name: str, value: object) -> tuple[float, float]:
    """``value`` as two finite numbers of at least zero."""
    if not (isinstance(value, tuple | list) and len(value) == 2):
        raise ErdeError(f"{name} must be a list of two numbers or None, got {value!r}")
    for index, weight in enumerate(value):
        not_negative(f"{name}[{index}]", weight)
    return float(value[0]), float(value[1])


def one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """``value`` is one of the words in ``allowed``."""
    if value not in allowed:
        words = ", ".join(repr(word) for word in allowed)
        raise ErdeError(f"{name} must be one of {words}, got {value!r}")


def class_count(classes: int) -> None:
    """``classes`` is a whole number of at least two."""
    if not (isinstance(classes, int | np.integer) and classes >= 2):
        raise ErdeError(f"classes must be a whole number >= 2, got {classes!r}")


def exit_macs(macs: ArrayLike, exits: int) -> NDArray[np.int64]:
    """``macs`` as int64 ``(exits,)``, not negative and never decreasing."""
    array = np.asarray(macs)
    if not np.issubdtype(array.dtype, np.integer):
        raise ErdeError(f"macs must be an integer array, got dtype {array.dtype}")
    if array.shape != (exits,):
        raise ErdeError(f"macs must have shape ({exits},), got {array.shape}")
    if (array > np.iinfo(np.int64).max).any():
        raise ErdeError(f"macs must be below 2^63, got {array.max()}")
    if (array < 0).any() or (np.diff(array.astype(np.int64)) < 0).any():
        raise ErdeError(f"macs must be >= 0 and never decrease, got {array.tolist()}")
    return array.astype(np.int64, copy=False)


def summable(name: str, macs: int, images: int) -> None:
    """``images`` times ``macs`` fits a 64-bit integer, in which costs are summed."""
    if macs * images > np.iinfo(np.int64).max:
        raise ErdeError(f"{name} times the images must be below 2^63, got {macs} times {images}")


def scores(score: ArrayLike) -> NDArray[np.float64]:
    """``score`` as float64 ``(N, E)``, each value at least zero or NaN."""
    array = float_array("score", score, ndim=2).astype(np.float64, copy=False)
    if (array < 0).any():
        raise ErdeError(f"score must be >= 0 or NaN, got {array[array < 0][0]}")
    return array


def exit_thresholds(thresholds: ArrayLike, exits: int) -> NDArray[np.float64]:
    """``thresholds`` as float64 ``(exits - 1,)``: one number for all early exits, or one each."""
    array = np.asarray(thresholds)
    if array.dtype.kind not in "iuf":
        raise ErdeError(f"thresholds must be numbers, got {thresholds!r}")
    array = array.astype(np.float64)
    if array.ndim > 1 or (array.ndim == 1 and array.shape != (exits - 1,)):
        raise ErdeError(
            f"thresholds must be one number or have shape ({exits - 1},), got {array.shape}"
        )
    if np.isnan(array).any() or (array < 0).any():
        raise ErdeError(f"thresholds must be >= 0, got {np.asarray(thresholds).tolist()}")
    return np.broadcast_to(array, (exits - 1,))


def is_number(value: object) -> TypeGuard[float]:
    """Whether ``value`` is a finite number, and no boolean."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that float64 cannot hold
        return False
