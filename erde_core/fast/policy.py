"""Compiled twin of ``erde_core.policy``: same name, arguments, outcome and errors."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.fast._jit import serial
from erde_core.fast._layout import read_only


def exit_indices(score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.int64]:
    """See :func:`erde_core.exit_indices`."""
    score = checks.scores(score)
    thresholds = checks.exit_thresholds(thresholds, score.shape[1])
    index = np.empty(len(score), dtype=np.int64)
    _first_below(read_only(score), read_only(thresholds), index)
    return index


# Serial: waking a second thread costs more than these few comparisons.
@serial
def _first_below(score: NDArray[Any], thresholds: NDArray[Any], index: NDArray[Any]) -> None:
    for n in range(len(score)):
        e = 0
        while e < len(thresholds) and not score[n, e] < thresholds[e]:
            e += 1
        index[n] = e
