"""Cross-fitting: which teacher has not seen which image."""

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError


def fold_of_samples(
    labels: NDArray[np.int64], groups: NDArray[np.int64], folds: int
) -> NDArray[np.int64]:
    """The fold of each sample, 0 … ``folds`` - 1, int64 ``(N,)``.

    Images of one group share a fold, so that a teacher has not seen the source of what it is
    asked; within each class the groups are dealt out in turn, so that classes stay in proportion.

    Raises:
        ValueError: a class has fewer groups than there are folds.
    """
    fold = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        sources, position = np.unique(groups[members], return_inverse=True)
        if len(sources) < folds:
            raise ErdeError(
                f"folds must be at most {len(sources)}, the number of independent training images "
                f"of class {label}, got {folds}"
            )
        fold[members] = position % folds
    return fold
