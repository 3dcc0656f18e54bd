"""Augmentation as an index: the finite orbit of pad-then-crop with an optional flip.

Padding by p and cropping back to the original size has (2p + 1)² outcomes, twice that with a
horizontal flip. Each is a *view*, a row (dy, dx, flip) of a table, so that "which augmentation" is
an integer that a cache can be indexed by. Which view a sample takes in an epoch is a pure function
of (seed, epoch, sample): Philox, a counter-based generator (Salmon et al., 2011).
"""

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError

_VIEW_STREAM, _ORDER_STREAM, _SUBSET_STREAM = 1, 2, 3


def all_views(pad: int, flip: bool) -> NDArray[np.int64]:
    """Every view, the identity (0, 0, 0) first.

    Args:
        pad: pixels added on each side before the crop, ≥ 0.
        flip: whether mirrored views belong to the orbit.

    Returns:
        int64 ``(V, 3)`` of (dy, dx, flip): the crop starts dy rows and dx columns from the
        original corner, -pad … pad each; flip 1 mirrors the result left to right.

    Raises:
        ValueError: ``pad`` is negative.
    """
    if pad < 0:
        raise ErdeError(f"pad must be >= 0, got {pad}")
    shifts = sorted(range(-pad, pad + 1), key=abs)
    mirrored = (0, 1) if flip else (0,)
    return np.array([(dy, dx, f) for dy in shifts for dx in shifts for f in mirrored], np.int64)


def chosen_views(pad: int, flip: bool, count: int | None) -> NDArray[np.int64]:
    """All views, or a fixed pseudo-random subset of ``count`` that contains the identity.

    Raises:
        ValueError: ``count`` is below 1 or above the size of the orbit.
    """
    views = all_views(pad, flip)
    if count is None:
        return views
    if not 1 <= count <= len(views):
        raise ErdeError(f"count must lie in 1 … {len(views)} for this orbit, got {count}")
    order = np.argsort(_raw((_SUBSET_STREAM, 0), len(views) - 1), kind="stable")
    subset: NDArray[np.int64] = views[np.append(0, 1 + np.sort(order[: count - 1]))]
    return subset


def view_of_samples(seed: int, epoch: int, samples: int, views: int) -> NDArray[np.int64]:
    """The view index that each of ``samples`` samples takes in ``epoch``, int64 ``(samples,)``.

    Entry n depends on (seed, epoch, n) alone: a longer data set starts with the same draws.

    Raises:
        ValueError: ``views`` is below 1, or another argument is negative.
    """
    if views < 1:
        raise ErdeError(f"views must be >= 1, got {views}")
    # The top 32 bits scaled to 0 … V-1; the bias, V / 2³², is beyond any experiment's reach.
    scaled = (_raw((_VIEW_STREAM, seed), samples, epoch) >> 32) * views >> 32
    return scaled.astype(np.int64)


def sample_order(seed: int, epoch: int, samples: int) -> NDArray[np.int64]:
    """A permutation of 0 … ``samples`` - 1, a pure function of (seed, epoch, samples).

    Raises:
        ValueError: an argument is negative.
    """
    return np.argsort(_raw((_ORDER_STREAM, seed), samples, epoch), kind="stable")


def _raw(key: tuple[int, int], count: int, epoch: int = 0) -> NDArray[np.uint64]:
    """``count`` 64-bit words of the stream of ``key``; epochs start 2¹²⁸ counters apart."""
    for name, value in (("seed", key[1]), ("epoch", epoch), ("samples", count)):
        if value < 0:
            raise ErdeError(f"{name} must be >= 0, got {value}")
    return np.random.Philox(key=key, counter=(0, 0, epoch, 0)).random_raw(count)
