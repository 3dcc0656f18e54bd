"""The data set that needs no download: scikit-learn's handwritten digits as cluttered digits.

The 1,797 real digits (8×8; Alpaydın and Kaynak, 1998, UCI "Optical Recognition of Handwritten
Digits") are first divided into three pools, so that no source is shared between splits; fragments
come from the pool of their target. Every val and test source is the target of one image.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le, Lt
from numpy.typing import NDArray

from erde.datasets.clutter import compose
from erde.datasets.images import DatasetError, image_dataset
from erde.datasets.source import Facts
from erde.datasets.split import hold_out
from erde_core.fields import SEEDS, STRICT_KEYS, check_fields
from erde_core.images import ImageDataset, Split

VAL_IMAGES, TEST_IMAGES = 400, 600
MAX_TRAIN_IMAGES = 4000


@dataclass(frozen=True, kw_only=True)
class DigitsSettings:
    """Cluttered digits: keys of :func:`make_digits`.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    name: Literal["digits"]
    train_images: Annotated[int, Ge(100), Le(MAX_TRAIN_IMAGES)] = 3000
    canvas: Annotated[int, Ge(16), Le(64)] = 24
    seed: Annotated[int, Ge(0), Lt(SEEDS)] = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def facts(self) -> Facts:
        """Known without making them."""
        return Facts(
            train=self.train_images,
            val=VAL_IMAGES,
            test=TEST_IMAGES,
            height=self.canvas,
            width=self.canvas,
            channels=3,
            classes=10,
        )

    def class_folders(self, root: Path) -> None:
        """None: nobody's files."""


def prepare(settings: DigitsSettings, root: Path) -> ImageDataset:
    """Make them; see :func:`make_digits`."""
    return make_digits(settings.train_images, settings.canvas, settings.seed)


def make_digits(
    train_images: int = 3000,
    canvas: int = 24,
    seed: int = 0,
    difficulty: tuple[float, float] = (0.0, 1.0),
) -> ImageDataset:
    """Cluttered digits, the same bytes for the same arguments; takes seconds.

    Args:
        train_images: 1 … 4,000; beyond the 797 sources of its pool, sources come again,
            composed anew.
        canvas: side of the square images in pixels, 16 … 64.
        seed: integer ≥ 0, of the pools and of every composition.
        difficulty: each image draws its own uniformly between these two, 0 ≤ lo ≤ hi ≤ 1.

    Returns:
        uint8 RGB images; val has 400, test 600; ``group`` is the number of the source digit.

    Raises:
        DatasetError: an argument is out of its range.
    """
    _check_arguments(train_images, canvas, seed, difficulty)
    ink, digit = _sources()
    rest, test = hold_out(digit, TEST_IMAGES, seed)
    train, val = hold_out(digit[rest], VAL_IMAGES, seed)
    pools = {"train": rest[train], "val": rest[val], "test": test}
    splits = {}
    for stream, (name, pool) in enumerate(pools.items()):
        rng = np.random.default_rng((seed, stream))
        count = train_images if name == "train" else len(pool)
        targets = rng.permutation(len(pool))[np.arange(count) % len(pool)]
        d = rng.uniform(*difficulty, count)
        images = compose(ink[pool], targets, d, canvas, rng)
        splits[name] = Split(images, digit[pool][targets], pool[targets])
    source = "scikit-learn load_digits (UCI optical digits), composed as cluttered digits"
    return image_dataset(**splits, class_names=[str(d) for d in range(10)], source=source)


def _sources() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Ink 0 … 1 of the 8×8 digits (1797, 8, 8), and which digit each is (1797,)."""
    # scikit-learn takes a second to import, and only this data set needs it.
    from sklearn.datasets import load_digits

    digits = load_digits()
    return (digits.images / 16).astype(np.float32), digits.target.astype(np.int64)


def _check_arguments(
    train_images: int, canvas: int, seed: int, difficulty: tuple[float, float]
) -> None:
    if not 1 <= train_images <= MAX_TRAIN_IMAGES:
        raise DatasetError(f"train_images must lie in 1 … {MAX_TRAIN_IMAGES}, got {train_images}")
    if not 16 <= canvas <= 64:
        raise DatasetError(f"canvas must lie in 16 … 64 pixels, got {canvas}")
    if seed < 0:
        raise DatasetError(f"seed must be >= 0, got {seed}")
    low, high = difficulty
    if not 0 <= low <= high <= 1:
        raise DatasetError(
            f"difficulty must be two numbers with 0 <= lo <= hi <= 1, got {difficulty}"
        )
