"""The validation split of images that belong together: whole groups, of every size alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde.datasets.images import DatasetError
from erde.datasets.split import Index, check_count, quota
from erde_core.statistics.balanced_draw import balanced_draw

# Part of the identity of data whose validation split was made of groups; count it up with the rule.
RULE = 2


def hold_out_groups(
    labels: NDArray[np.int64], group: NDArray[np.int64], count: int, seed: int
) -> tuple[Index, Index]:
    """As :func:`erde.datasets.split.hold_out`, and no group is torn apart.

    Every group has about the same chance of being held out, whatever its size: those of several
    images are drawn class by class, so that each class holds its share of them give or take one
    group; single images make up for the difference to ``count``, each class in proportion, where
    there are enough of them for that. A group of more than ``count`` images, or with all images of
    a class, stays in train. Where all groups are of one image the images are those of ``hold_out``
    with the groups' numbers for places.

    Args:
        labels: integers ≥ 0, one per training image, ``(N,)``.
        group: of each training image, ``(N,)``.
        count: images to hold out, 1 … N - 1; more or fewer may be.
        seed: integer ≥ 0; with the other arguments it alone decides which images.

    Raises:
        DatasetError: ``count`` is out of range, or no group fits.
    """
    check_count(count, len(labels))
    groups = _Groups.of(labels, group)
    bits = np.random.PCG64(seed)
    rank = np.empty(len(groups.size), np.int64)
    rank[np.argsort(bits.random_raw(len(rank)), kind="stable")] = np.arange(len(rank))
    held = _several(groups, rank, count, bits)
    held |= _singles(groups, rank, count, bits, held)
    images = held[groups.of_image]
    if not images.any():
        raise DatasetError(
            f"the validation split must take {count} images in whole groups, got none that fits"
        )
    return np.flatnonzero(~images), np.flatnonzero(images)


@dataclass(frozen=True)
class _Groups:
    """Of G groups, and of each pair of a group and one of its classes.

    Attributes:
        labels: of the images, ``(N,)``.
        of_image: the group's place among the groups, ``(N,)``.
        size: images of each, ``(G,)``.
        pair_group, pair_class, pair_size: in order of groups, then classes, ``(P,)``.
    """

    labels: NDArray[np.int64]
    of_image: NDArray[np.int64]
    size: NDArray[np.int64]
    pair_group: NDArray[np.int64]
    pair_class: NDArray[np.int64]
    pair_size: NDArray[np.int64]

    @classmethod
    def of(cls, labels: NDArray[np.int64], group: NDArray[np.int64]) -> "_Groups":
        _, of_image, size = np.unique(group, return_inverse=True, return_counts=True)
        classes = int(labels.max()) + 1
        pairs, counts = np.unique(of_image * classes + labels, return_counts=True)
        return cls(labels, of_image, size, pairs // classes, pairs % classes, counts)

    def class_sizes(self, among: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Images of each class in the groups ``among``, ``(C,)``."""
        count = np.zeros(int(self.labels.max()) + 1, np.int64)
        kept = among[self.pair_group]
        np.add.at(count, self.pair_class[kept], self.pair_size[kept])
        return count

    def fitting(self, count: int) -> NDArray[np.bool_]:
        """Those that could be held out."""
        everything = self.class_sizes(np.ones(len(self.size), np.bool_))
        fits = self.size <= count
        fits[self.pair_group[self.pair_size == everything[self.pair_class]]] = False
        return fits


def _several(
    groups: _Groups, rank: NDArray[np.int64], count: int, bits: np.random.PCG64
) -> NDArray[np.bool_]:
    """Which groups of several images are held out."""
    drawn_from = groups.fitting(count) & (groups.size > 1)
    strata: dict[tuple[int, ...], list[int]] = {}
    for g in np.lexsort((rank, groups.size)).tolist():
        if drawn_from[g]:
            first, last = np.searchsorted(groups.pair_group, (g, g + 1))
            strata.setdefault(tuple(groups.pair_class[first:last].tolist()), []).append(g)
    in_order = [strata[classes] for classes in sorted(strata)]
    sizes: list[int] = groups.size.tolist()
    held = np.zeros(len(sizes), np.bool_)
    chance = _chance(groups, count)
    held[list(balanced_draw(in_order, sizes, chance, lambda: _uniform(bits)))] = True
    return _leaving_every_class(groups, rank, held)


def _leaving_every_class(
    groups: _Groups, rank: NDArray[np.int64], held: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """``held`` without a group of each class that would have no training image."""
    for label in np.unique(groups.labels).tolist():
        own = groups.pair_group[groups.pair_class == label]
        if held[own].all():
            held[own[rank[own].argmin()]] = False
    return held


def _singles(
    groups: _Groups,
    rank: NDArray[np.int64],
    count: int,
    bits: np.random.PCG64,
    several: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which groups of one image are held out beside ``several``."""
    single, chance = groups.size == 1, _chance(groups, count)
    number, held = int(single.sum()), np.zeros(len(single), np.bool_)
    if not number:
        return held
    largest = groups.size[groups.fitting(count) & ~single].max(initial=0)
    # What the groups miss is made up for only where that is possible both ways: else single images
    # would be held out too often.
    if min(chance, 1 - chance) * number >= 3 * largest:
        wanted = count - int(groups.size[several].sum())
    else:
        wanted = int(chance * number + _uniform(bits))
    wanted = min(max(wanted, 0 if several.any() else 1), number)
    left = groups.class_sizes(~several)
    take = np.minimum(quota(groups.class_sizes(single), wanted), np.maximum(left - 1, 0))
    label = np.empty(len(single), np.int64)
    label[groups.pair_group] = groups.pair_class
    order = np.argsort(rank)
    order = order[single[order]]
    for one, images in enumerate(take):
        held[order[label[order] == one][:images]] = True
    return held


def _chance(groups: _Groups, count: int) -> float:
    """Of each group that could be held out, for ``count`` images on average."""
    possible = int(groups.size[groups.fitting(count) | (groups.size == 1)].sum())
    return min(1.0, count / possible) if possible else 0.0


def _uniform(bits: np.random.PCG64) -> float:
    """The next raw word, which is the same in every NumPy release, as a number in [0, 1)."""
    return float(int(bits.random_raw()) >> 11) / 2**53
