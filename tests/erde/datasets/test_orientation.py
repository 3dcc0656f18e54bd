"""The orientation of an image is what Pillow says, wherever it stands, and no pixel is decoded."""

import itertools
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from erde.datasets.image_file import ImageError, look, read_image

# Of damaged EXIF Pillow warns.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SIZE = (5, 8)
TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Pillow's Transpose, by number
PIXELS = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
ROWS = zlib.compress(b"".join(b"\0" + row.tobytes() for row in PIXELS))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(before=b"", after=b"", rows=ROWS):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE[1], SIZE[0], 8, 2, 0, 0, 0))
    half = len(rows) // 2
    pixels = chunk(b"IDAT", rows[:half]) + chunk(b"IDAT", rows[half:])
    return b"\x89PNG\r\n\x1a\n" + head + before + pixels + after + chunk(b"IEND", b"")


def exif(value, order=">", kind=3, count=1):
    """With one entry, the orientation: a short (3), a byte (1), a long (4) or text (2)."""
    inline = {1: "B3x", 2: "4s", 3: "H2x" if count == 1 else "HH", 4: "I"}[kind]
    values = (str(value).encode(),) if kind == 2 else (value,) * (2 if "HH" in inline else 1)
    entry = struct.pack(f"{order}HHI{inline}", 0x0112, kind, count, *values)
    mark = b"MM\0*" if order == ">" else b"II*\0"
    return mark + struct.pack(f"{order}I", 8) + struct.pack(f"{order}H", 1) + entry + bytes(4)


def profile(value):
    """As ImageMagick writes EXIF as text."""
    data = b"Exif\0\0" + exif(value)
    return f"\nexif\n{len(data):8d}\n{data.hex()}\n".encode()


def xmp(value, form='tiff:Orientation="%d"'):
    return b"<x:xmpmeta><rdf:Description " + (form % value).encode() + b"></x:xmpmeta>"


WORDS = {
    "none": lambda n: b"",
    "EXIF, big end first": lambda n: chunk(b"eXIf", exif(n)),
    "EXIF, little end first": lambda n: chunk(b"eXIf", exif(n, "<")),
    "EXIF as bytes": lambda n: chunk(b"eXIf", exif(n % 256, kind=1)),
    "EXIF as a long": lambda n: chunk(b"eXIf", exif(n, kind=4)),
    "EXIF as letters": lambda n: chunk(b"eXIf", exif(n, kind=2, count=2)),
    "EXIF, two numbers": lambda n: chunk(b"eXIf", exif(n, count=2)),
    "EXIF with its name": lambda n: chunk(b"eXIf", b"Exif\0\0" + exif(n)),
    "damaged EXIF": lambda n: chunk(b"eXIf", exif(n)[: n + 5]),
    "empty EXIF": lambda n: chunk(b"eXIf", b""),
    "text": lambda n: chunk(b"tEXt", b"Raw profile type exif\0" + profile(n)),
    "packed text": lambda n: chunk(
        b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile(n))
    ),
    "text of another packer": lambda n: chunk(b"zTXt", b"Raw profile type exif\0\7" + profile(n)),
    "no hexadecimal text": lambda n: chunk(b"tEXt", b"Raw profile type exif\0\n\n\nxyz\n"),
    "text named exif": lambda n: chunk(b"tEXt", b"exif\0" + exif(n)),
    "XMP": lambda n: chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(n)),
    "XMP, an element": lambda n: chunk(
        b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(n, "><tiff:Orientation>%d</tiff:Orientation>")
    ),
    "packed XMP": lambda n: chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp(n))),
    "XMP as text": lambda n: chunk(b"tEXt", b"XML:com.adobe.xmp\0" + xmp(n)),
    "EXIF and other XMP": lambda n: (
        chunk(b"eXIf", exif(n)) + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(n % 8 + 1))
    ),
    "two EXIF": lambda n: chunk(b"eXIf", exif(n)) + chunk(b"eXIf", exif(n % 8 + 1)),
    "a wrong checksum": lambda n: chunk(b"eXIf", exif(n))[:-1] + b"x",
    "what nobody knows": lambda n: chunk(b"prIv", b"x" * n) + chunk(b"eXIf", exif(n)),
    "after no chunk": lambda n: b"\0\0\0\1!!!!" + chunk(b"eXIf", exif(n)),
}
VALUES = (*range(10), 255, 65_535)
PLACES = {
    "before": lambda words, n: png(before=words(n)),
    "behind": lambda words, n: png(after=words(n)),
    "both": lambda words, n: png(before=words(n), after=words(n % 8 + 1)),
}


def of_pillow(file):
    """The orientation, or None where Pillow cannot read the file, or no last chunk ends it."""
    try:
        with Image.open(file) as image:
            said = image.getexif().get(0x0112, 1)
    except (OSError, SyntaxError, TypeError, ValueError, struct.error):
        return None
    if b"\0\0\0\1!!!!" in file.read_bytes():
        return None
    return 1 if isinstance(said, bytes) else int(said)  # as ImageOps.exif_transpose


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("words", WORDS)
def test_a_png_is_turned_as_pillow_says(tmp_path, words, place):
    file = tmp_path / "a.png"
    for value in VALUES:
        file.write_bytes(PLACES[place](WORDS[words], value))
        turn = of_pillow(file)
        if turn is None:
            for read in (look, read_image):
                with pytest.raises(ImageError, match=r"a\.png: must be a whole, readable image"):
                    read(file, SIZE)
            continue
        stored = Image.fromarray(PIXELS)
        upright = np.asarray(stored.transpose(TURNS[turn]) if turn in TURNS else stored)
        assert look(file, SIZE, "stretch") == (upright.shape[:2], 3)
        np.testing.assert_array_equal(read_image(file, upright.shape[:2]), upright)


def test_these_files_are_of_every_orientation(tmp_path):
    """Else the test above compares nothing."""
    seen = {name: set() for name in WORDS}
    for (name, words), place, value in itertools.product(WORDS.items(), PLACES.values(), VALUES):
        (tmp_path / "a.png").write_bytes(place(words, value))
        seen[name].add(of_pillow(tmp_path / "a.png"))
    turned = [name for name, found in seen.items() if found >= set(range(1, 9))]
    refused = [name for name, found in seen.items() if None in found]
    assert len(turned) >= 12
    assert len(refused) >= 3


@pytest.mark.parametrize("place", PLACES)
def test_no_pixel_of_a_png_is_decoded(tmp_path, place):
    """There are none to be decoded: what stands in their place is no packed data."""
    file = tmp_path / "a.png"
    for value in range(1, 9):
        whole = PLACES[place](WORDS["EXIF, big end first"], value)
        file.write_bytes(whole.replace(ROWS[: len(ROWS) // 2], bytes(len(ROWS) // 2)))
        assert look(file, SIZE, "stretch") == (SIZE if value < 5 else SIZE[::-1], 3)
        with pytest.raises(ImageError, match="must be a whole, readable image"):
            read_image(file, SIZE, resize="stretch")


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "webp", "mpo"])
def test_no_image_is_loaded_to_look_at_it(tmp_path, monkeypatch, ending):
    Image.fromarray(PIXELS).save(tmp_path / f"a.{ending}")
    loaded, load = [], ImageFile.ImageFile.load

    def counted(image):
        loaded.append(image.size)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", counted)
    assert look(tmp_path / f"a.{ending}", SIZE) == (SIZE, 3)
    assert SIZE[::-1] not in loaded


@pytest.mark.parametrize("placed", ["before", "after"])
@pytest.mark.parametrize("tail", ["cut off", "zeros"])
def test_a_png_whose_end_is_missing_is_refused_before_it_is_decoded(placed, tail, tmp_path):
    """Zeros stand there after a copy that was interrupted. The last checksum is of no pixel."""
    whole = png(**{placed: chunk(b"eXIf", exif(6))})
    file = tmp_path / "a.png"
    for kept in range(whole.index(b"IDAT") + 4, len(whole) - 4):
        file.write_bytes(whole[:kept] + bytes(len(whole) - kept if tail == "zeros" else 0))
        for asked in (look, read_image):
            with pytest.raises(ImageError, match=r"a\.png: must be a whole, readable image"):
                asked(file, SIZE, resize="stretch")
