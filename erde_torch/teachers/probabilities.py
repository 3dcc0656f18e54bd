"""Are these logits, or probabilities that somebody took for logits? Imports no torch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError

_SLACK = 1e-3  # of a sum of probabilities, in float16 too


def check_output(key: str, rows: NDArray[np.floating[Any]], probabilities: bool) -> None:
    """Hold answers ``(…, C)`` to what they are said to be.

    Raises:
        ValueError: not finite; probabilities that are not said to be so, or the other way round.
    """
    if not np.isfinite(rows).all():
        raise ErdeError(f"{key} must give finite numbers, got {_odd(rows)}")
    inside = bool((rows >= 0).all() and (rows <= 1).all())
    found = inside and bool((np.abs(rows.sum(-1, dtype=np.float64) - 1) < _SLACK).all())
    if found and not probabilities:
        raise ErdeError(
            f"{key} must give raw logits, got rows in 0 … 1 that sum to 1: say output: "
            "probabilities, and their logarithms are taken"
        )
    if probabilities and not found:
        raise ErdeError(
            f"{key} must give probabilities, as output: probabilities says, got rows in "
            f"{rows.min():.4g} … {rows.max():.4g}"
        )


def _odd(rows: NDArray[np.floating[Any]]) -> float:
    return float(rows[~np.isfinite(rows)][0])
