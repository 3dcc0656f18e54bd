"""One image file as an array of 8-bit grey or colour values, or one sentence on why not.

A deployment carries this file along as ``image_reader.py``, so that training, ``erde predict`` and
``run.py`` read the same pixels and refuse the same images. It needs NumPy and Pillow.
"""

import contextlib
import io
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

# Only these decoders are tried, whatever a file calls itself.
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
RESIZE = ("none", "crop", "pad", "stretch")
# Room for phones of 200 megapixels. Pillow takes 4 bytes for a pixel, and what turns an image
# upright up to three copies: 3 GB. No WebP is larger.
MOST_PIXELS = 2**28
_ONE_OPENS = threading.Lock()
GREY, _COLOUR = ("1", "L", "LA"), ("RGB", "RGBA", "P")  # modes of Pillow
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
# Chunks of a PNG in which Pillow looks for the orientation: EXIF, also as text, and XMP.
_PNG_WORDS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
# What other files begin with, at which byte, and how to make of them what is read here.
_FOREIGN = (
    (4, b"ftyp", "a HEIC or AVIF file (heif-convert, sips or ImageMagick make a JPEG of it)"),
    (0, b"GIF8", "a GIF file (ImageMagick makes a PNG of it)"),
    (0, b"II*\0", "a TIFF file (ImageMagick makes a PNG of it)"),
    (0, b"MM\0*", "a TIFF file (ImageMagick makes a PNG of it)"),
)


class ImageError(ValueError):
    """An image file cannot be used as it is; the message is one sentence."""


def read_image(
    file: Path,
    image_size: tuple[int, int],
    channels: int | None = None,
    resize: str = "none",
    convert: bool = False,
) -> NDArray[np.uint8]:
    """Decode ``file``, turned upright as its EXIF orientation says, in the size ``image_size``.

    Args:
        file: PNG, JPEG, BMP or WebP.
        image_size: the (height, width) of the result, pixels.
        channels: 3 or 1 to demand colour or grey; None takes either.
        resize: what is done with another size: ``none`` refuses it, ``crop`` scales the short side
            and cuts the middle out of the long one, ``pad`` scales the long side and puts black
            beside the short one, ``stretch`` scales both. Bilinear, antialiased.
        convert: make what it is not of ``channels``, instead of demanding them. Where sizes are
            scaled, a grey image is always taken for colour: that loses nothing.

    Returns:
        uint8 ``(H, W, 3)`` for a colour image (palettes included), ``(H, W, 1)`` for a grey one.
        Of a JPEG with more pictures (a gain map, a second eye's) the first, which is the image.

    Raises:
        ImageError: not a regular file (a pipe is not opened), unreadable or truncated, too large,
            of another size or kind, more than 8 bits per channel, animated, CMYK, or transparent.
    """
    return fitted(decoded(file, image_size, channels, resize, convert), image_size, resize)


def decoded(
    file: Path,
    image_size: tuple[int, int],
    channels: int | None = None,
    resize: str = "none",
    convert: bool = False,
) -> "Image":
    """The image of :func:`read_image` before its size is changed."""
    from PIL import Image

    with _opened(file) as (data, head, image):
        kept = 1 if image.mode in GREY else 3
        if resize == "none" and image.size not in (image_size, image_size[::-1]):  # without EXIF
            _check_size(file, image.size[::-1], image_size)
        _check_kind(file, image, head)
        orientation = _orientation(image, data, whole=True)
        _upright_size(file, image.size, orientation, image_size, resize)
        lossless = resize != "none" and channels == 3
        if channels not in (None, kept) and not convert and not lossless:
            raise ImageError(
                f"{file}: must be {_KIND[channels]} like the other images, got a {_KIND[kept]} one"
            )
        opaque = _opaque(file, image, channels or kept)
        turn = _UPRIGHT.get(orientation)
        return opaque.transpose(Image.Transpose[turn]) if turn else opaque


def fitted(image: "Image", image_size: tuple[int, int], resize: str) -> NDArray[np.uint8]:
    """uint8 ``(H, W, channels)`` of an upright grey or colour image, in the size ``image_size``."""
    from PIL import Image

    bilinear, (height, width) = Image.Resampling.BILINEAR, image_size
    if resize == "pad":
        across, down = _inside(image.size, width, height)
        whole = Image.new(image.mode, (width, height))
        small = image.resize((across, down), bilinear)
        whole.paste(small, ((width - across) // 2, (height - down) // 2))
    elif resize == "crop":
        whole = image.resize((width, height), bilinear, box=_middle(image.size, width, height))
    else:
        whole = image.resize((width, height), bilinear)
    return np.asarray(whole).reshape(height, width, -1)


def look(
    file: Path, image_size: tuple[int, int], resize: str = "none"
) -> tuple[tuple[int, int], int]:
    """Upright (height, width), and 3 or 1 channels, by the head of ``file``: no pixel is decoded.

    Raises:
        ImageError: as :func:`read_image`, for what the head tells.
    """
    with _opened(file) as (data, head, image):
        _check_kind(file, image, head)
        turned = _orientation(image, data, whole=False)
        kept = 1 if image.mode in GREY else 3
        return _upright_size(file, image.size, turned, image_size, resize), kept


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[tuple[BinaryIO, bytes, "Image"]]:
    """The file, its first bytes and the image in it; whatever goes wrong is an ImageError."""
    from PIL import Image

    try:
        if file.exists() and not file.is_file():
            raise ImageError(f"{file}: must be a regular file, got another kind")
        with open(file, "rb") as data:
            head = data.read(_PNG_DEPTH_AT + 1)
            data.seek(0)
            # Pillow's own limit holds for the whole process, and its words for it name no file.
            with _ONE_OPENS:
                limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
                try:
                    image = Image.open(data, formats=_FORMATS)
                finally:
                    Image.MAX_IMAGE_PIXELS = limit
            with image:
                if (pixels := image.width * image.height) > MOST_PIXELS:
                    most, found = MOST_PIXELS / 1e6, pixels / 1e6
                    raise ImageError(
                        f"{file}: must have at most {most:.1f} megapixels, got {found:.1f}"
                    )
                yield data, head, image
    except ImageError:
        raise
    # Pillow's decoders raise OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error…
    except Exception as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> ImageError:
    reason = " ".join(str(error).split()) or type(error).__name__
    try:
        with open(file, "rb") as data:
            head = data.read(16)
    except OSError:
        head = b""
    for start, mark, name in _FOREIGN:
        if head[start:].startswith(mark):
            reason = name
    return ImageError(f"{file}: must be a whole, readable image, got: {reason}")


def _check_kind(file: Path, image: "Image", head: bytes) -> None:
    if image.mode not in GREY + _COLOUR:
        raise ImageError(f"{file}: must be an 8-bit grey or RGB image, got mode {image.mode!r}")
    # Pillow would cut the 16 bits of a colour PNG to 8 without a word.
    if head.startswith(_PNG) and (bits := head[_PNG_DEPTH_AT]) > 8:
        raise ImageError(f"{file}: must be an 8-bit grey or RGB image, got {bits} bits")
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise ImageError(f"{file}: must be one image, got an animation")


def _orientation(image: "Image", data: BinaryIO, whole: bool) -> int:
    """The number that EXIF or XMP says, as Pillow finds it; 1 if there is none."""
    if image.format == "PNG":
        words = _png_words(data, whole)
        if "exif" not in image.info:
            # It may stand behind the pixels, and Pillow would decode them all to get there.
            return _orientation_in(words) if words else 1
    return _turn(image)


def _turn(image: "Image") -> int:
    """As Pillow finds it; bytes or words in the place of a number turn nothing, as in viewers."""
    said = str(image.getexif().get(_ORIENTATION))
    return next((number for number in _UPRIGHT if str(number) == said), 1)


def _orientation_in(words: bytes) -> int:
    """As Pillow finds it in these chunks, put before the pixel of a PNG that has but one."""
    from PIL.PngImagePlugin import PngImageFile

    head = _chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0")
    pixel = _chunk(b"IDAT", zlib.compress(b"\0\0")) + _chunk(b"IEND", b"")
    with PngImageFile(io.BytesIO(_PNG + head + words + pixel)) as small:
        return _turn(small)


def _png_words(data: BinaryIO, whole: bool) -> bytes:
    """The chunks of a PNG in ``_PNG_WORDS``, in order; others are skipped unread but if ``whole``.

    Raises EOFError where they end before the last (a copy that ends in zeros), and SyntaxError
    where ``whole`` and a checksum that Pillow passes over is wrong.
    """
    place, end, words, kind = data.tell(), data.seek(0, io.SEEK_END), b"", b""
    data.seek(len(_PNG))
    while kind != b"IEND":
        length, kind = int.from_bytes(data.read(4), "big"), data.read(4)
        after = data.tell() + length + 4
        if not kind.isalnum() or after > end:
            raise EOFError("image file is truncated")
        if kind in _PNG_WORDS:
            words += _chunk(kind, data.read(length))  # behind the pixels Pillow checks no checksum
        elif whole and kind[:1].isupper():
            check = zlib.crc32(data.read(length), zlib.crc32(kind))
            if check.to_bytes(4, "big") != data.read(4):
                raise SyntaxError(f"broken PNG file (wrong checksum of {kind.decode()})")
        data.seek(after)
    data.seek(place)
    return words


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = zlib.crc32(kind + body)
    return len(body).to_bytes(4, "big") + kind + body + check.to_bytes(4, "big")


def _upright_size(
    file: Path, size: tuple[int, int], orientation: int, wanted: tuple[int, int], resize: str
) -> tuple[int, int]:
    """Upright (height, width) of an image of the stored ``size`` (width, height)."""
    upright = size if orientation in _ON_ITS_SIDE else size[::-1]
    if resize == "none":
        _check_size(file, upright, wanted)
    return upright


def _check_size(file: Path, size: tuple[int, ...], wanted: tuple[int, int]) -> None:
    if size != wanted:
        raise ImageError(
            f"{file}: must be {wanted[0]} x {wanted[1]} pixels (height x width, image_size), "
            f"got {size[0]} x {size[1]}"
        )


def _opaque(file: Path, image: "Image", channels: int) -> "Image":
    """The image without its alpha channel, which must not hide anything."""
    if "transparency" in image.info or image.mode in ("LA", "RGBA"):
        lowest = int(np.asarray(image.convert("RGBA").getchannel("A")).min())
        if lowest < 255:
            raise ImageError(f"{file}: must not be transparent, got a pixel of alpha {lowest}")
    return image.convert("L" if channels == 1 else "RGB")


def _middle(size: tuple[int, int], width: int, height: int) -> tuple[float, float, float, float]:
    """The largest box of the shape of ``width`` × ``height`` in the middle, left to bottom."""
    across, down = size
    if across * height <= down * width:
        part = across * height / width
        return 0, (down - part) / 2, across, (down + part) / 2
    part = down * width / height
    return (across - part) / 2, 0, (across + part) / 2, down


def _inside(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The size (width, height) of the whole image, scaled into ``width`` × ``height``."""
    across, down = size
    if across * height <= down * width:
        return max(1, round(height * across / down)), height
    return width, max(1, round(width * down / across))
