"""Two halves of the validation images: one to fit and choose on, one to measure and certify on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError

LEAST_GROUPS = 200  # of both halves together: a hundred each
_SEED = 0


@dataclass(frozen=True)
class Halves:
    """Which images belong to which half; ``fit`` and ``rest`` are bool ``(N,)``, one the other's
    complement."""

    fit: NDArray[np.bool_]

    @property
    def rest(self) -> NDArray[np.bool_]:
        """The images that nothing was fitted to."""
        return ~self.fit


def dealt_halves(labels: NDArray[np.int64], group: NDArray[np.int64]) -> Halves:
    """:func:`validation_halves` of however few groups."""
    _, first, member = np.unique(group, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(_SEED).permutation(len(first))
    dealt = shuffled[np.argsort(labels[first[shuffled]], kind="stable")]
    fits = np.zeros(len(first), dtype=np.bool_)
    fits[dealt[::2]] = True
    return Halves(fits[member])


def validation_halves(labels: NDArray[np.int64], group: NDArray[np.int64]) -> Halves:
    """Deal the groups of each class to the two halves in turn, in an order drawn with a fixed seed.

    Groups stay whole (a group's class is that of its first image). The halves' numbers of groups
    differ by at most one, in each class and in all. Depends on nothing but the arguments.

    Args:
        labels, group: of the validation images, ``(N,)`` each.

    Raises:
        ValueError: other shapes, or fewer than ``LEAST_GROUPS`` groups.
    """
    labels, group = np.asarray(labels), np.asarray(group)
    if labels.ndim != 1 or group.shape != labels.shape:
        raise ErdeError(
            f"group must have the shape of labels, got {group.shape} and {labels.shape}"
        )
    groups = len(np.unique(group))
    if groups < LEAST_GROUPS:
        raise ErdeError(
            f"independent validation images must be at least {LEAST_GROUPS} to fit a score on one "
            f"half and choose thresholds on the other, got {groups}"
        )
    return dealt_halves(labels, group)
