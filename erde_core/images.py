"""A labelled image data set in memory: what every data source gives and the store keeps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """One part of a data set.

    Attributes:
        images: uint8 ``(N, H, W, 3)`` or ``(N, H, W, 1)``.
        labels: int64 ``(N,)``.
        group: int64 ``(N,)``; images made from one source share a number. Statistics resample
            groups, not images.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    group: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ImageDataset:
    """Three splits of equally sized images.

    Attributes:
        train, val, test: the splits; thresholds are chosen on ``val``, reported on ``test``.
        class_names: one per class, in label order.
        mean, std: per channel, for pixel values in 0 … 1, over the train split.
        source: where the images came from, one line.
    """

    train: Split
    val: Split
    test: Split
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
