"""What the exact sweep replaces: trying thresholds one after the other."""

import numpy as np
from numpy.typing import NDArray


def simulate(
    entropy: NDArray[np.float64],
    correct: NDArray[np.bool_],
    macs: NDArray[np.int64],
    thresholds: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy ``(K,)``, mean MACs ``(K,)`` and exit shares ``(K, E)`` of K thresholds.

    Vectorised over the samples. ``entropy`` and ``correct`` are ``(N, E)``; strict ``<`` as in
    ``erde_core.exit_indices``, whose checks of its arguments are left out here.
    """
    samples, exits = entropy.shape
    everyone = np.arange(samples)
    accuracy = np.empty(len(thresholds))
    share = np.empty((len(thresholds), exits))
    for k, threshold in enumerate(thresholds):
        leaves = entropy < threshold
        leaves[:, -1] = True
        exit_of_sample = leaves.argmax(axis=1)
        accuracy[k] = correct[everyone, exit_of_sample].mean()
        share[k] = np.bincount(exit_of_sample, minlength=exits) / samples
    return accuracy, share @ macs, share


def simulate_by_columns(
    entropy: NDArray[np.float64],
    correct: NDArray[np.bool_],
    macs: NDArray[np.int64],
    thresholds: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """:func:`simulate` tuned by hand: one contiguous column per exit, bit operations, counts only.

    The strongest rival found in plain NumPy; nobody's first draft.
    """
    samples, exits = entropy.shape
    entropies, answers = entropy.T.copy(), correct.T.copy()
    right, count = np.zeros(len(thresholds)), np.empty((len(thresholds), exits))
    for k, threshold in enumerate(thresholds):
        inside = np.ones(samples, dtype=bool)
        for e in range(exits):
            leaves = entropies[e] < threshold if e < exits - 1 else inside.copy()
            leaves &= inside
            inside ^= leaves
            count[k, e] = np.count_nonzero(leaves)
            leaves &= answers[e]
            right[k] += np.count_nonzero(leaves)
    return right / samples, count @ macs / samples, count / samples
