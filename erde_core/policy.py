"""The early-exit policy: at which exit a sample leaves."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks


def exit_indices(score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.int64]:
    """The first early exit whose score is strictly below its threshold, else the last exit.

    Args:
        score: how unsure each exit is (an entropy in nats, or any of ``erde_core.scores``),
            ``(N, E)``, each at least 0; compared in float64. NaN never leaves.
        thresholds: in the score's unit, one number for every early exit or one each,
            ``(E - 1,)``; at least 0. 0 lets nobody leave.

    Returns:
        int64 ``(N,)``, each 0 … E - 1.

    Raises:
        ValueError: a negative score or threshold, a NaN threshold, or a wrong length.

    Source: BranchyNet (Teerapittayanon et al., 2016), the criterion of arXiv 2510.04856.
    """
    score = checks.scores(score)
    thresholds = checks.exit_thresholds(thresholds, score.shape[1])
    leaves = np.ones(score.shape, dtype=bool)  # whoever is still there leaves at the last exit
    leaves[:, :-1] = score[:, :-1] < thresholds
    index: NDArray[np.int64] = leaves.argmax(axis=1)
    return index
