"""One image file as an array of 8-bit grey or colour values, or one sentence on why not.

A deployment carries this file along as ``image_reader.py``, so that training, ``erde predict`` and
``run.py`` read the same pixels and refuse the same images. It needs NumPy and Pillow.
"""

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

# Only these decoders are tried, whatever a file calls itself.
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
_GREY, _COLOUR = ("1", "L", "LA"), ("RGB", "RGBA", "P")
_KIND = {1: "grey", 3: "colour"}
_ORIENTATION = 0x0112  # the EXIF tag
# How an image of each orientation is turned upright: names of Pillow's ``Transpose``.
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_ON_ITS_SIDE = (5, 6, 7, 8)
_PNG, _PNG_DEPTH_AT = b"\x89PNG\r\n\x1a\n", 24


class ImageError(ValueError):
    """An image file cannot be used as it is; the message is one sentence."""


def read_image(
    file: Path, image_size: tuple[int, int], channels: int | None = None, resize: bool = False
) -> NDArray[np.uint8]:
    """Decode ``file``, turned upright as its EXIF orientation says.

    Args:
        file: PNG, JPEG, BMP or WebP.
        image_size: the (height, width) that it must have once upright, pixels.
        channels: 3 or 1 to demand colour or grey; None takes either.
        resize: scale it to that size, and to ``channels``, instead of demanding them.

    Returns:
        uint8 ``(H, W, 3)`` for a colour image (palettes included), ``(H, W, 1)`` for a grey one.
        Of a JPEG with more pictures (a gain map, a second eye's) the first, which is the image.

    Raises:
        ImageError: not a regular file (a pipe is not opened), unreadable or truncated, of another
            size or kind, more than 8 bits per channel, animated, CMYK, or transparent.
    """
    try:
        if file.exists() and not file.is_file():
            raise ImageError(f"{file}: must be a regular file, got another kind")
        with open(file, "rb") as data:
            return _decoded(file, data, image_size, channels, resize)
    except ImageError:
        raise
    # Pillow's decoders raise OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error…
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{file}: must be a whole, readable image, got: {reason}") from error


def _decoded(
    file: Path, data: BinaryIO, wanted: tuple[int, int], channels: int | None, resize: bool
) -> NDArray[np.uint8]:
    from PIL import Image

    head = data.read(_PNG_DEPTH_AT + 1)
    data.seek(0)
    with Image.open(data, formats=_FORMATS) as image:
        kept = 1 if image.mode in _GREY else 3
        if not resize and image.size not in (wanted, wanted[::-1]):  # before EXIF is looked for
            _check_size(file, image.size[::-1], wanted)
        _check_mode(file, image.mode, kept, None if resize else channels)
        # Pillow would cut the 16 bits of a colour PNG to 8 without a word.
        if head.startswith(_PNG) and head[_PNG_DEPTH_AT] > 8:
            raise ImageError(
                f"{file}: must be an 8-bit grey or RGB image, got {head[_PNG_DEPTH_AT]} bits"
            )
        if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
            raise ImageError(f"{file}: must be one image, got an animation")
        orientation = image.getexif().get(_ORIENTATION, 1)
        if not resize:
            turned = orientation in _ON_ITS_SIDE
            _check_size(file, image.size if turned else image.size[::-1], wanted)
        opaque = _opaque(file, image, channels or kept)
        if orientation in _UPRIGHT:
            opaque = opaque.transpose(Image.Transpose[_UPRIGHT[orientation]])
        if resize:
            opaque = opaque.resize(wanted[::-1], Image.Resampling.BILINEAR)
        return np.asarray(opaque).reshape(*wanted, channels or kept)


def _check_size(file: Path, size: tuple[int, ...], wanted: tuple[int, int]) -> None:
    if size != wanted:
        raise ImageError(
            f"{file}: must be {wanted[0]} x {wanted[1]} pixels (height x width, image_size), "
            f"got {size[0]} x {size[1]}"
        )


def _check_mode(file: Path, mode: str, kept: int, channels: int | None) -> None:
    if mode not in _GREY + _COLOUR:
        raise ImageError(f"{file}: must be an 8-bit grey or RGB image, got mode {mode!r}")
    if channels not in (None, kept):
        raise ImageError(
            f"{file}: must be {_KIND[channels]} like the other images, got a {_KIND[kept]} one"
        )


def _opaque(file: Path, image: "Image", channels: int) -> "Image":
    """The image without its alpha channel, which must not hide anything."""
    if "transparency" in image.info or image.mode in ("LA", "RGBA"):
        lowest = int(np.asarray(image.convert("RGBA").getchannel("A")).min())
        if lowest < 255:
            raise ImageError(f"{file}: must not be transparent, got a pixel of alpha {lowest}")
    return image.convert("L" if channels == 1 else "RGB")
