"""One image file as an array of 8-bit grey or colour values, or one sentence on why not."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from erde.datasets.images import DatasetError

if TYPE_CHECKING:
    from PIL.Image import Image

# Only these decoders are tried, whatever a file calls itself.
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
_GREY, _COLOUR = ("1", "L", "LA"), ("RGB", "RGBA", "P")
_KIND = {1: "grey", 3: "colour"}


def read_image(
    file: Path, image_size: tuple[int, int], channels: int | None = None, resize: bool = False
) -> NDArray[np.uint8]:
    """Decode ``file``.

    Args:
        file: PNG, JPEG, BMP or WebP.
        image_size: the (height, width) that it must have, pixels.
        channels: 3 or 1 to demand colour or grey; None takes either.
        resize: scale it to that size, and to ``channels``, instead of demanding them.

    Returns:
        uint8 ``(H, W, 3)`` for a colour image (palettes included), ``(H, W, 1)`` for a grey one.

    Raises:
        DatasetError: unreadable or truncated, of another size or kind, more than 8 bits per
            channel, or transparent.
    """
    from PIL import Image

    try:
        with Image.open(file, formats=_FORMATS) as image:
            if not resize:
                _check_size(file, image.size[::-1], image_size)
            kept = 1 if image.mode in _GREY else 3
            _check_mode(file, image.mode, kept, None if resize else channels)
            opaque = _opaque(file, image, channels or kept)
            if resize:
                opaque = opaque.resize(image_size[::-1], Image.Resampling.BILINEAR)
            return np.asarray(opaque).reshape(*image_size, channels or kept)
    except DatasetError:
        raise
    # Pillow's decoders raise OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error…
    except Exception as error:
        reason = " ".join(str(error).split())
        raise DatasetError(f"{file}: must be a whole, readable image, got: {reason}") from error


def _check_size(file: Path, size: tuple[int, ...], wanted: tuple[int, int]) -> None:
    if size != wanted:
        raise DatasetError(
            f"{file}: must be {wanted[0]} x {wanted[1]} pixels (height x width, image_size), "
            f"got {size[0]} x {size[1]}"
        )


def _check_mode(file: Path, mode: str, kept: int, channels: int | None) -> None:
    if mode not in _GREY + _COLOUR:
        raise DatasetError(f"{file}: must be an 8-bit grey or RGB image, got mode {mode!r}")
    if channels not in (None, kept):
        raise DatasetError(
            f"{file}: must be {_KIND[channels]} like the other images, got a {_KIND[kept]} one"
        )


def _opaque(file: Path, image: "Image", channels: int) -> "Image":
    """The image without its alpha channel, which must not hide anything."""
    if "transparency" in image.info or image.mode in ("LA", "RGBA"):
        lowest = image.convert("RGBA").getextrema()[3][0]
        if lowest < 255:
            raise DatasetError(f"{file}: must not be transparent, got a pixel of alpha {lowest}")
    return image.convert("L" if channels == 1 else "RGB")
