"""A part of a split in the place of all of it: drawn, as class folders lie class by class."""

import numpy as np
from numpy.typing import NDArray


def drawn(count: int, most: int) -> NDArray[np.int64]:
    """``most`` of ``count`` images in an order of chance, or all; always the same ones.

    Any beginning of them is drawn from all images, too.
    """
    order: NDArray[np.int64] = np.random.default_rng(0).permutation(count)[:most]
    return order
