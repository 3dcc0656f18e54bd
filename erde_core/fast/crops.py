"""The compiled twin of :func:`erde_core.crops.cropped`: the same pixels, to the bit."""

import numpy as np
from numpy.typing import NDArray

from erde_core.crops.kernel import FACTOR_BITS, GREY, ONE, WEIGHT_BITS, check_views
from erde_core.fast._jit import serial

_HALF_WEIGHT, _HALF = 1 << (WEIGHT_BITS - 1), ONE // 2
_RED, _GREEN, _BLUE = GREY


def cropped(
    images: NDArray[np.uint8],
    samples: NDArray[np.int64],
    boxes: NDArray[np.int64],
    factors: NDArray[np.int64],
    size: tuple[int, int],
) -> NDArray[np.uint8]:
    """As the reference; runs without the interpreter's lock, so that threads may share a batch."""
    check_views(images, samples, boxes, factors)
    found = np.empty((len(samples), *size, images.shape[3]), np.uint8)
    _cropped(images, samples, boxes, factors, found)
    return found


@serial
def _cropped(
    images: NDArray[np.uint8],
    samples: NDArray[np.int64],
    boxes: NDArray[np.int64],
    factors: NDArray[np.int64],
    found: NDArray[np.uint8],
) -> None:
    count, height, width, channels = found.shape
    for n in range(count):
        top, left, box_height, box_width, flip = boxes[n]
        starts, lengths, across = _weights(images.shape[2], left, box_width, width)
        tops, depths, down = _weights(images.shape[1], top, box_height, height)
        first, last = tops[0], tops[height - 1] + depths[height - 1]
        rows = np.empty((last - first, width, channels), np.uint8)
        source = images[samples[n]]
        for y in range(last - first):
            for x in range(width):
                to = width - 1 - x if flip else x
                for c in range(channels):
                    total = _HALF_WEIGHT
                    for k in range(lengths[x]):
                        total += across[x, k] * np.int64(source[first + y, starts[x] + k, c])
                    rows[y, to, c] = min(max(total >> WEIGHT_BITS, 0), 255)
        for y in range(height):
            for x in range(width):
                for c in range(channels):
                    total = _HALF_WEIGHT
                    for k in range(depths[y]):
                        total += down[y, k] * np.int64(rows[tops[y] - first + k, x, c])
                    found[n, y, x, c] = min(max(total >> WEIGHT_BITS, 0), 255)
        if factors[n, 0] != ONE or factors[n, 1] != ONE or factors[n, 2] != ONE:
            _recolour(found[n], factors[n])


@serial
def _weights(
    pixels: int, start: int, length: int, made: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First pixel, number of pixels and their weights for each of ``made``."""
    scale = length / made
    reach = max(1.0, scale)
    most = int(np.ceil(reach)) * 2 + 2
    starts, lengths = np.empty(made, np.int64), np.empty(made, np.int64)
    table, heights = np.zeros((made, most), np.int64), np.empty(most, np.float64)
    for x in range(made):
        centre = start + (x + 0.5) * scale
        first, last = max(0, int(centre - reach + 0.5)), min(pixels, int(centre + reach + 0.5))
        total = 0.0
        for k in range(last - first):
            far = abs((first + k - centre + 0.5) * (1.0 / reach))
            heights[k] = 1.0 - far if far < 1.0 else 0.0
            total += heights[k]
        for k in range(last - first):
            table[x, k] = int(0.5 + heights[k] / total * (1 << WEIGHT_BITS))
        starts[x], lengths[x] = first, last - first
    return starts, lengths, table


@serial
def _recolour(pixels: NDArray[np.uint8], factors: NDArray[np.int64]) -> None:
    height, width, channels = pixels.shape
    greys = np.int64(0)
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                pixels[y, x, c] = _blend(pixels[y, x, c], np.int64(0), factors[0])
            greys += _grey(pixels[y, x])
    count = height * width
    mean = (greys + count // 2) // count
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                pixels[y, x, c] = _blend(pixels[y, x, c], mean, factors[1])
            grey = _grey(pixels[y, x])
            for c in range(channels):
                pixels[y, x, c] = _blend(pixels[y, x, c], grey, factors[2])


@serial
def _blend(value: np.uint8, other: np.int64, factor: np.int64) -> np.int64:
    mixed = (np.int64(value) * factor + other * (ONE - factor) + _HALF) >> FACTOR_BITS
    return np.int64(min(max(mixed, np.int64(0)), np.int64(255)))


@serial
def _grey(pixel: NDArray[np.uint8]) -> np.int64:
    if len(pixel) == 1:
        return np.int64(pixel[0])
    luma = _RED * np.int64(pixel[0]) + _GREEN * np.int64(pixel[1]) + _BLUE * np.int64(pixel[2])
    return (luma + _HALF) >> FACTOR_BITS
