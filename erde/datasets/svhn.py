"""SVHN's cropped digits (Netzer et al., 2011) in their original MATLAB files.

Names, addresses and checksums are torchvision's; a file is read only after its checksum matched.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from erde.datasets.download import Published, present_or_downloaded
from erde.datasets.images import DatasetError, TrainAndTest, ungrouped
from erde.datasets.source import Facts, published_facts
from erde.datasets.split import with_validation
from erde_core.fields import SEEDS, STRICT_KEYS, check_fields
from erde_core.images import ImageDataset, Split

_TRAIN, _TEST = 73_257, 26_032  # images as published


@dataclass(frozen=True, kw_only=True)
class SvhnSettings:
    """SVHN's cropped digits in their original .mat files (downloaded and verified).

    Attributes:
        validation: images to hold out of ``train``.
        split_seed: with ``validation``, decides which.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    name: Literal["svhn"]
    validation: Annotated[int, Ge(1), Lt(_TRAIN)] = 5000
    split_seed: Annotated[int, Ge(0), Lt(SEEDS)] = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def facts(self) -> Facts:
        """As published."""
        return published_facts(_TRAIN, self.validation, _TEST, side=32, classes=10)

    def class_folders(self, root: Path) -> None:
        """None: the files have checksums."""


def prepare(settings: SvhnSettings, root: Path) -> ImageDataset:
    """Read the published files, and hold out the validation split.

    Raises:
        DatasetError: see ``read_svhn`` and ``with_validation``.
    """
    return with_validation(read_svhn(root), settings.validation, settings.split_seed)


def read_svhn(root: str | os.PathLike[str]) -> TrainAndTest:
    """Read ``train_32x32.mat`` and ``test_32x32.mat`` from ``root``, or download them there.

    Returns:
        uint8 images (73,257 and 26,032, 32, 32, 3); label d is the digit d.

    Raises:
        DatasetError: missing and no network, a wrong checksum, or not the published format.
    """
    from torchvision.datasets import SVHN

    published = [Published(*SVHN.split_list[part]) for part in ("train", "test")]
    train, test = (_split(path) for path in present_or_downloaded(published, Path(root)))
    names = tuple(str(digit) for digit in range(10))
    return TrainAndTest(train, test, names, f"svhn, {published[0].url} and {published[1].url}")


def _split(path: Path) -> Split:
    content = _matlab(path)
    images, labels = content.get("X"), content.get("y")
    if images is None or images.dtype != np.uint8 or images.shape[:3] != (32, 32, 3):
        raise DatasetError(f"{path}: must hold uint8 X (32, 32, 3, N), got {_described(images)}")
    images = images.reshape(32, 32, 3, -1).transpose(3, 0, 1, 2)
    if labels is None or labels.shape != (len(images), 1):
        raise DatasetError(f"{path}: must hold y ({len(images)}, 1), got {_described(labels)}")
    labels = labels[:, 0].astype(np.int64)
    outside = labels[(labels < 1) | (labels > 10)]
    if outside.size:
        raise DatasetError(f"{path}: y must lie in 1 … 10, got {outside[0]}")
    # MATLAB counts from 1, so the authors wrote the digit 0 as 10.
    return ungrouped(np.ascontiguousarray(images), labels % 10)


def _matlab(path: Path) -> dict[str, NDArray[Any]]:
    from scipy.io import loadmat

    try:
        found: dict[str, NDArray[Any]] = loadmat(path, variable_names=("X", "y"))
    # SciPy's reader raises OSError, TypeError, ValueError, zlib.error… on a broken file.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise DatasetError(f"{path}: must be a whole MATLAB 5 file, got: {reason}") from error
    return found


def _described(array: NDArray[Any] | None) -> str:
    return "nothing" if array is None else f"{array.dtype} {array.shape}"
