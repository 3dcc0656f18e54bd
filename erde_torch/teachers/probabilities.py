"""Are these logits, or probabilities that somebody took for logits? Imports no torch.

Where nobody says what they are, rows are refused that look like anything but logits, judged by
nearly all of them: one odd row excuses none. Where they are said to be probabilities, every sum
must be 1 but for what rounding explains.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError
from erde_torch.teachers.settings import Output

Rows = NDArray[np.floating[Any]]
_MOST = 0.9  # of the rows: so many show what all of them are
_JUDGED = 512  # rows, spread over all
_COMMON = 0.05  # sums that vary by so little, compared with the rows, are one sum
_EDGE = 1e-6  # what the arithmetic of a softmax oversteps 0 and 1 by
_SLACK = 2**-8  # of a sum of probabilities in bfloat16, the coarsest format that networks answer in
_LARGEST_SLACK = 0.5  # what rounding left out may not outweigh what it left
# Parts of 1 that probabilities come in: decimals, and what graphs in 8 bits give.
_PARTS = (10, 100, 255, 256, 1_000, 10_000, 100_000)
_ROUNDED = 0.99  # of the values
_WORTH_SAYING = 1e-3  # float16 misses a sum of 1 by less


def check_output(key: str, rows: Rows, output: Output) -> float:
    """Hold answers ``(N, exits, C)`` to what they are said to be.

    Rows look like probabilities where nine tenths of an exit's lie in 0 … 1, or are not negative
    and have one sum: 100 as far as rounding explains, or sums that vary by at most 5 % of how far
    the rows lie apart. Rounding explains that a sum misses 1 by 2⁻⁸ (bfloat16), or, of values that
    are rounded to a last digit (or to 8 bits), by half of it per class: below 1 of all classes,
    above 1 of those that are not 0, never by more than 0.5.

    Args:
        key: what errors call them.
        rows: floating point.
        output: what they are said to be; None: logits, unless they look like probabilities.

    Returns:
        Of probabilities the sum that is farthest from 1; of logits 1.

    Raises:
        ValueError: not finite; nobody says what they are, and they look like probabilities; or
            they are said to be probabilities, and are none.
    """
    if not np.isfinite(rows).all():
        raise ErdeError(f"{key} must give finite numbers, got {_odd(rows)}")
    if output == "probabilities":
        return _checked_sums(key, rows)
    if output is None:
        for exit_ in range(rows.shape[1]):
            _check_no_probabilities(key, _spread_over(rows[:, exit_]).astype(np.float64))
    return 1.0


def sum_remarks(sums: Iterable[float]) -> Iterator[str]:
    """What to say of the sums that :func:`check_output` found."""
    worst = max(sums, key=lambda one: abs(one - 1), default=1.0)
    if abs(worst - 1) > _WORTH_SAYING:
        yield (
            "the teacher's rows of probabilities count as shares of their sum, which is "
            f"{worst:.4f} where it is farthest from 1"
        )


def _check_no_probabilities(key: str, rows: NDArray[np.float64]) -> None:
    """Of one exit, ``(N, C)``."""
    if not rows.size:
        return
    lows, highs, sums = rows.min(-1), rows.max(-1), rows.sum(-1)
    positive = lows >= -_EDGE
    within = float((positive & (highs <= 1 + _EDGE)).mean())
    found = ""
    if within >= _MOST:
        found = f"{100 * within:.4g} % of the rows in 0 … 1 (sums of {_range(sums)})"
    elif positive.mean() >= _MOST and (_one_sum(rows, sums) or _are_percentages(rows)):
        found = f"rows without negative numbers that all sum to about {np.median(sums):.4g}"
    if found:
        raise ErdeError(
            f"{key} must give raw logits, got {found}, which look like probabilities: give the "
            "values before the softmax or sigmoid, or rows that sum to 1 with output: "
            "probabilities; if these are logits all the same, say output: logits"
        )


def _one_sum(rows: NDArray[np.float64], sums: NDArray[np.float64]) -> bool:
    """Whether the sums of nearly all rows are one, while the rows differ."""
    apart = np.linalg.norm(rows - np.median(rows, axis=0), axis=-1)
    own = np.abs(sums - np.median(sums))
    own_most, apart_most = (float(np.quantile(values, _MOST)) for values in (own, apart))
    return apart_most > 0 and own_most <= _COMMON * apart_most


def _are_percentages(rows: NDArray[np.float64]) -> bool:
    below, above = _explained(rows / 100)
    sums = rows.sum(-1) / 100
    return bool(((sums >= below) & (sums <= above)).mean() >= _MOST)


def _checked_sums(key: str, rows: Rows) -> float:
    """The one that is farthest from 1."""
    if not rows.size:
        return 1.0
    sums, (below, above) = rows.sum(-1, dtype=np.float64), _explained(rows)
    low, high = float(rows.min()), float(rows.max())
    explained = bool(((sums >= below) & (sums <= above)).all())
    if low < -_EDGE or high > 1 + _SLACK or not explained:
        raise ErdeError(
            f"{key} must give probabilities, as output: probabilities says, in 0 … 1 with sums of "
            f"1 (rounding explains {below:.4g} … {above.max():.4g}), "
            f"got rows in {low:.4g} … {high:.4g} with sums of {_range(sums)}"
        )
    return float(sums.flat[np.abs(sums - 1).argmax()])


def _explained(rows: Rows) -> tuple[float, NDArray[np.float64]]:
    """The least and, of each row, the largest sum that rounding makes of 1."""
    half = _last_digit(_spread_over(rows)) / 2
    lost, won = rows.shape[-1] * half, np.count_nonzero(rows, axis=-1) * half
    above: NDArray[np.float64] = 1 + np.clip(won, _SLACK, _LARGEST_SLACK)
    return 1 - min(max(lost, _SLACK), _LARGEST_SLACK), above


def _last_digit(rows: Rows) -> float:
    """Of what nearly all values that are not 0 are multiples; 0 where they are not rounded."""
    values = rows[rows > 0].astype(np.float64)
    if not values.size:
        return 0.0
    accuracy = max(np.finfo(rows.dtype).eps, np.finfo(np.float32).eps)
    for parts in _PARTS:
        near = np.abs(values - np.round(values * parts) / parts) <= accuracy * values
        if near.mean() >= _ROUNDED:
            return 1 / parts
    return 0.0


def _spread_over(rows: Rows) -> Rows:
    """So many of them as a judgement needs."""
    return np.asarray(rows[:: max(1, len(rows) // _JUDGED)])


def _range(sums: NDArray[np.float64]) -> str:
    return f"{sums.min():.4g} … {sums.max():.4g}"


def _odd(rows: Rows) -> float:
    return float(rows[~np.isfinite(rows)][0])
