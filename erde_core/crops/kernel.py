"""Cutting, scaling and recolouring: the pixels of a view.

All is integer arithmetic, so that pixels are the same on every machine, and those of Pillow's
``Image.resize(box=…)``: bilinear, antialiased, weights of 22 bits, rows before columns, each pass
rounded to 8 bits. :mod:`erde_core.fast.crops` is the compiled twin of :func:`cropped`.
"""

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError

KERNEL = "bilinear antialiased, 22-bit weights, kernel 1"  # another kernel is another cache
WEIGHT_BITS, FACTOR_BITS = 22, 16
ONE = 1 << FACTOR_BITS  # the factor that changes no colour
GREY = (19595, 38470, 7471)  # 16 bits: ITU-R 601 luma, as in Pillow


def cropped(
    images: NDArray[np.uint8],
    samples: NDArray[np.int64],
    boxes: NDArray[np.int64],
    factors: NDArray[np.int64],
    size: tuple[int, int],
) -> NDArray[np.uint8]:
    """The views of ``samples``: cut, scaled, mirrored, recoloured.

    Args:
        images: uint8 ``(N, H, W, channels)``.
        samples: int64 ``(B,)``, which of the images.
        boxes, factors: as :func:`crop_boxes` and :func:`colour_factors` give them.
        size: (height, width) of the result.

    Returns:
        uint8 ``(B, height, width, channels)``.
    """
    check_views(images, samples, boxes, factors)
    found = np.empty((len(samples), *size, images.shape[3]), np.uint8)
    for n, (sample, box, factor) in enumerate(zip(samples, boxes, factors, strict=True)):
        top, left, height, width, flip = box.tolist()
        across = _weights(images.shape[2], left, width, size[1])
        down = _weights(images.shape[1], top, height, size[0])
        rows = _rounded(np.einsum("xw,hwc->hxc", across, images[sample].astype(np.int64)))
        pixels = _rounded(np.einsum("yh,hxc->yxc", down, rows))
        found[n] = recoloured(pixels[:, ::-1] if flip else pixels, factor)
    return found


def check_views(
    images: NDArray[np.uint8],
    samples: NDArray[np.int64],
    boxes: NDArray[np.int64],
    factors: NDArray[np.int64],
) -> None:
    """Hold what is asked for to the images that there are.

    Raises:
        ValueError: a sample that is not there, a box that is empty or leaves the image, or arrays
            of other shapes.
    """
    count = len(samples)
    if boxes.shape != (count, 5) or factors.shape != (count, 3):
        raise ErdeError(
            f"boxes and factors must have shapes ({count}, 5) and ({count}, 3), "
            f"got {boxes.shape} and {factors.shape}"
        )
    if count and not 0 <= samples.min() <= samples.max() < len(images):
        raise ErdeError(f"samples must lie in 0 … {len(images) - 1}, got {samples.max()}")
    start, side, most = boxes[:, :2], boxes[:, 2:4], np.array(images.shape[1:3])
    if not ((start >= 0) & (side >= 1) & (start + side <= most)).all():
        raise ErdeError(f"boxes must lie inside of {most[0]} × {most[1]} pixels, got {boxes}")


def recoloured(pixels: NDArray[np.int64], factors: NDArray[np.int64]) -> NDArray[np.int64]:
    """Brightness, contrast against the mean grey, saturation against each pixel's own grey."""
    bright, contrast, saturation = factors.tolist()
    if bright == contrast == saturation == ONE:
        return pixels
    pixels = _blended(pixels, np.int64(0), bright)
    grey = _grey(pixels)
    pixels = _blended(pixels, (grey.sum() + grey.size // 2) // grey.size, contrast)
    return _blended(pixels, _grey(pixels)[..., None], saturation)


def _blended(
    pixels: NDArray[np.int64], other: NDArray[np.int64] | np.int64, factor: int
) -> NDArray[np.int64]:
    mixed = (pixels * factor + other * (ONE - factor) + ONE // 2) >> FACTOR_BITS
    clipped: NDArray[np.int64] = np.clip(mixed, 0, 255)
    return clipped


def _grey(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    if pixels.shape[2] == 1:
        return pixels[..., 0]
    return (pixels @ np.array(GREY, np.int64) + ONE // 2) >> FACTOR_BITS


def _rounded(sums: NDArray[np.int64]) -> NDArray[np.int64]:
    clipped: NDArray[np.int64] = np.clip((sums + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS, 0, 255)
    return clipped


def _weights(pixels: int, start: int, length: int, made: int) -> NDArray[np.int64]:
    """What each of ``pixels`` counts for each of ``made``, ``(made, pixels)``: a triangle."""
    scale = length / made
    reach = max(1.0, scale)
    table = np.zeros((made, pixels), np.int64)
    for x in range(made):
        centre = start + (x + 0.5) * scale
        first, last = max(0, int(centre - reach + 0.5)), min(pixels, int(centre + reach + 0.5))
        far = np.abs((np.arange(first, last) - centre + 0.5) * (1.0 / reach))
        heights = np.where(far < 1.0, 1.0 - far, 0.0)
        total = 0.0
        for height in heights:  # in this order: another sum would round to another weight
            total += height
        table[x, first:last] = (0.5 + heights / total * (1 << WEIGHT_BITS)).astype(np.int64)
    return table
