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
    A group of several classes is dealt out once, with the first of them.

    Raises:
        ValueError: a class has fewer groups than there are folds.
    """
    fold = np.zeros(len(labels), dtype=np.int64)
    shared, dealt = _of_several_classes(labels, groups), dict[int, int]()
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        sources, position = np.unique(groups[members], return_inverse=True)
        if len(sources) < folds:
            raise ErdeError(
                f"folds must be at most {len(sources)}, the number of independent training images "
                f"of class {label}, got {folds}"
            )
        fold[members] = _dealt(sources, shared, dealt, folds)[position]
    return fold


def _of_several_classes(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The groups with images of more than one class."""
    order = np.lexsort((labels, groups))
    group, label = groups[order], labels[order]
    return np.unique(group[1:][(group[1:] == group[:-1]) & (label[1:] != label[:-1])])


def _dealt(
    sources: NDArray[np.int64], shared: NDArray[np.int64], dealt: dict[int, int], folds: int
) -> NDArray[np.int64]:
    """The fold of each of a class's groups; those in ``shared`` are remembered in ``dealt``."""
    found = np.arange(len(sources)) % folds
    if not np.isin(sources, shared).any():
        return found
    count = [0] * folds
    known = [dealt.get(int(source)) for source in sources]
    for fold in known:
        if fold is not None:
            count[fold] += 1
    for n, fold in enumerate(known):
        if fold is None:
            fold = count.index(min(count))
            count[fold] += 1
        found[n] = fold
        dealt[int(sources[n])] = fold
    return found
