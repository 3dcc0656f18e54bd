"""Which part of its image a view shows, and in which colours."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from erde_core.checks import is_number
from erde_core.crops.kernel import ONE
from erde_core.errors import ErdeError
from erde_core.fields import SEEDS, STRICT_KEYS, FromList, OneSentence

_AREA, _SHAPE, _DOWN, _ACROSS, _MIRROR, _COLOUR, _WORDS = 0, 1, 2, 3, 4, 5, 8
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class CropSettings:
    """How large a part of an image a view shows, and of what shape.

    Attributes:
        scale: least and largest share of the image's area.
        ratio: least and largest width over height; its logarithm is drawn evenly.
        seed: of all places, sizes and colours.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    scale: Annotated[tuple[float, float], FromList(), OneSentence()] = (0.35, 1.0)
    ratio: Annotated[tuple[float, float], FromList(), OneSentence()] = (0.75, 4 / 3)
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.seed < SEEDS:
            raise ErdeError(f"seed must lie in 0 … {SEEDS - 1}, got {self.seed}")
        if not (_rising(self.scale) and self.scale[1] <= 1):
            raise ErdeError(
                f"scale must be two rising shares of the area, > 0 and <= 1, got {self.scale!r}"
            )
        if not _rising(self.ratio):
            raise ErdeError(
                f"ratio must be two rising quotients of width and height > 0, got {self.ratio!r}"
            )


def crop_boxes(
    crops: CropSettings,
    flip: bool,
    samples: NDArray[np.int64],
    views: NDArray[np.int64],
    stored: tuple[int, int],
    size: tuple[int, int],
) -> NDArray[np.int64]:
    """Which part of its image each (sample, view) shows.

    Args:
        crops, flip: the settings; ``flip`` lets half of the views be mirrored.
        samples, views: int64 ≥ 0, ``(B,)`` each.
        stored: (height, width) of the images that are cut, pixels.
        size: (height, width) of what is made of the part; in view 0 that is what is cut out.

    Returns:
        int64 ``(B, 5)``: top, left, height and width in pixels of the stored image, and flip 0/1.
    """
    words = _words(crops.seed, samples, views)
    u = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    area = stored[0] * stored[1] * (crops.scale[0] + u[:, _AREA] * np.ptp(crops.scale))
    low, high = (math.log(end) for end in crops.ratio)
    shape = np.exp(low + u[:, _SHAPE] * (high - low))
    sides = [np.sqrt(area / shape), np.sqrt(area * shape)]
    sides = [np.clip(np.rint(s), 1, most) for s, most in zip(sides, stored, strict=True)]
    places = [
        np.floor(u[:, column] * (most - side + 1))
        for column, side, most in zip((_DOWN, _ACROSS), sides, stored, strict=True)
    ]
    mirrored = (words[:, _MIRROR] >> np.uint64(63)) * np.uint64(flip)
    boxes = np.stack([*places, *sides, mirrored], 1).astype(np.int64)
    kept = [min(a, b) for a, b in zip(stored, size, strict=True)]
    middle = [(most - side) // 2 for side, most in zip(kept, stored, strict=True)]
    boxes[views == 0] = (*middle, *kept, 0)
    return boxes


def colour_factors(
    crops: CropSettings, colour: float, samples: NDArray[np.int64], views: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Brightness, contrast and saturation of each view, ``(B, 3)`` in units of 2⁻¹⁶.

    Each factor is drawn evenly from 1 - ``colour`` … 1 + ``colour``; in view 0 it is 1.
    """
    words = _words(crops.seed, samples, views)[:, _COLOUR : _COLOUR + 3]
    u = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    factors = np.rint(ONE * (1 + colour * (2 * u - 1))).astype(np.int64)
    factors[views == 0] = ONE
    return factors


def _rising(pair: object) -> bool:
    """Whether it is two numbers above zero, the second not below the first."""
    if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(map(is_number, pair))):
        return False
    return bool(0 < pair[0] <= pair[1])


def _words(seed: int, samples: NDArray[np.int64], views: NDArray[np.int64]) -> NDArray[np.uint64]:
    """64-bit words of each (seed, sample, view), ``(B, 8)``: SplitMix64 (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        state = _mixed(np.full(len(samples), seed, np.uint64) + _GOLDEN)
        for part in (samples, views):
            state = _mixed(state + (part.astype(np.uint64) + np.uint64(1)) * _GOLDEN)
        steps = np.arange(1, _WORDS + 1, dtype=np.uint64) * _GOLDEN
        return _mixed(state[:, None] + steps)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
