"""The early-exit policy: at which exit a sample leaves."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks


def exit_indices(entropy: ArrayLike, thresholds: ArrayLike) -> NDArray[np.int64]:
    """The first early exit whose entropy is strictly below its threshold, else the last exit.

    Args:
        entropy: nats, ``(N, E)``, each at least 0; compared in float64. NaN never leaves.
        thresholds: nats, one number for every early exit or one each, ``(E - 1,)``; at least 0.
            0 lets nobody leave.

    Returns:
        int64 ``(N,)``, each 0 … E - 1.

    Raises:
        ValueError: a negative entropy or threshold, a NaN threshold, or a wrong length.

    Source: BranchyNet (Teerapittayanon et al., 2016), the criterion of arXiv 2510.04856.
    """
    entropy = checks.entropies(entropy)
    thresholds = checks.exit_thresholds(thresholds, entropy.shape[1])
    leaves = np.ones(entropy.shape, dtype=bool)  # whoever is still there leaves at the last exit
    leaves[:, :-1] = entropy[:, :-1] < thresholds
    return leaves.argmax(axis=1)
