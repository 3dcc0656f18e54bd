import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageOps

from erde.datasets.image_file import ImageError, look, read_image

SIZE = (5, 8)


@pytest.fixture
def colour(rng):
    return rng.integers(0, 256, (*SIZE, 3), np.uint8)


@pytest.fixture
def saved(tmp_path):
    def save(image, name="a.png", **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def test_colour(saved, colour):
    image = read_image(saved(Image.fromarray(colour)), SIZE, channels=3)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, colour)


def test_palette_is_colour(saved, colour):
    palette = Image.fromarray(colour).quantize(16)
    np.testing.assert_array_equal(read_image(saved(palette), SIZE), palette.convert("RGB"))


def test_one_bit_is_grey(saved):
    bits = np.indices(SIZE).sum(axis=0) % 2 == 0
    image = read_image(saved(Image.fromarray(bits)), SIZE)
    np.testing.assert_array_equal(image[..., 0], bits * 255)


def test_opaque_alpha_is_dropped(saved, colour):
    image = Image.fromarray(colour)
    image.putalpha(255)
    np.testing.assert_array_equal(read_image(saved(image), SIZE), colour)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_transparency_is_refused(saved, mode):
    image = Image.new(mode, SIZE[::-1], 200 if mode == "L" else (9, 9, 9))
    alpha = Image.new("L", SIZE[::-1], 255)
    alpha.putpixel((7, 4), 17)
    image.putalpha(alpha)
    with pytest.raises(ImageError, match=r"a.png: must not be transparent, got .* alpha 17"):
        read_image(saved(image), SIZE)


def test_transparent_palette_is_refused(saved, colour):
    palette = Image.fromarray(colour).quantize(4)
    file = saved(palette, transparency=int(np.asarray(palette)[0, 0]))
    with pytest.raises(ImageError, match="must not be transparent, got a pixel of alpha 0"):
        read_image(file, SIZE)


def test_more_than_8_bits_are_refused(saved):
    deep = Image.fromarray(np.full(SIZE, 40_000, np.uint16))
    with pytest.raises(ImageError, match="must be an 8-bit grey or RGB image, got mode 'I;16'"):
        read_image(saved(deep), SIZE)


def test_cmyk_is_refused(saved):
    with pytest.raises(ImageError, match="got mode 'CMYK'"):
        read_image(saved(Image.new("CMYK", SIZE[::-1]), "a.jpg"), SIZE)


def test_size_is_height_by_width(saved):
    with pytest.raises(ImageError, match=r"must be 8 x 5 pixels .*image_size.*, got 5 x 8"):
        read_image(saved(Image.new("RGB", (8, 5))), (8, 5))


@pytest.mark.parametrize(("mode", "channels"), [("L", 3), ("RGB", 1)])
def test_the_other_kind_is_refused(saved, mode, channels):
    with pytest.raises(ImageError, match=r"must be (grey|colour) like the other images"):
        read_image(saved(Image.new(mode, SIZE[::-1])), SIZE, channels)


@pytest.mark.parametrize("kept", [0, 10, 40, 90])
def test_truncated_file(saved, colour, kept):
    file = saved(Image.fromarray(colour))
    data = file.read_bytes()
    assert len(data) > 100
    file.write_bytes(data[:kept])
    with pytest.raises(ImageError, match=r"a.png: must be a whole, readable image, got: ."):
        read_image(file, SIZE)


def test_a_flipped_bit_in_the_pixels_is_found(saved, colour):
    file = saved(Image.fromarray(colour))
    data = bytearray(file.read_bytes())
    data[data.index(b"IDAT") + 30] ^= 1
    file.write_bytes(data)
    with pytest.raises(ImageError, match="must be a whole, readable image"):
        read_image(file, SIZE)


@pytest.mark.parametrize("level", [0, 6])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_png_that_ends_in_zeros_is_found(saved, rng, level, share):
    """As after an interrupted copy. Zeros unpack: without the checksum they were pixels."""
    ramp = np.add.outer(np.arange(64) * 2, np.arange(96))[..., None] + rng.integers(0, 9, 3)
    file = saved(Image.fromarray(ramp.astype(np.uint8)), compress_level=level)
    data = file.read_bytes()
    # Those of the last chunk may have been written: copies leave holes, too.
    kept = int(share * len(data))
    for end in (b"", data[-12:]):
        file.write_bytes(data[:kept] + bytes(len(data) - kept - len(end)) + end)
        with pytest.raises(ImageError, match="must be a whole, readable image"):
            read_image(file, (64, 96))
    file.write_bytes(data + bytes(64))  # what follows the last chunk is not of the image
    np.testing.assert_array_equal(read_image(file, (64, 96)), ramp)


def test_the_checksum_of_a_palette_and_of_each_part_of_the_pixels_counts(saved, rng):
    noise = rng.integers(0, 256, (200, 300), np.uint8)
    file = saved(Image.fromarray(noise).convert("P"), compress_level=0)
    data = file.read_bytes()
    for kind in (b"PLTE", b"IDAT"):
        assert kind in data
        at = data.rindex(kind)
        wrong = bytearray(data)
        wrong[at + 4] ^= 1
        file.write_bytes(wrong)
        with pytest.raises(ImageError, match="must be a whole, readable image"):
            read_image(file, (200, 300))


@pytest.mark.parametrize(("kind", "value"), [(1, b"\6"), (2, b"top\0"), (7, b"\6\0\0\0")])
def test_an_orientation_that_is_no_number_turns_nothing(saved, colour, kind, value):
    """As some cameras write it: bytes or words. Viewers show such an image as it is stored."""
    entry = struct.pack("<HHHI4sI", 1, 0x0112, kind, len(value), value, 0)
    file = saved(Image.fromarray(colour), "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0" + entry)
    stored = np.asarray(Image.open(file))
    np.testing.assert_array_equal(ImageOps.exif_transpose(Image.open(file)), stored)
    assert look(file, SIZE) == (SIZE, 3)
    np.testing.assert_array_equal(read_image(file, SIZE), stored)


def test_only_the_known_decoders_are_tried(saved, tmp_path):
    file = saved(Image.new("RGB", SIZE[::-1]), "a.tif").rename(tmp_path / "a.png")
    with pytest.raises(ImageError, match="must be a whole, readable image"):
        read_image(file, SIZE)


def png_of_depth(file, depth, samples, colour):
    """A PNG that Pillow cannot write: ``colour`` is its colour type, ``samples`` per pixel."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", SIZE[1], SIZE[0], depth, colour, 0, 0, 0)
    row = b"\0" + bytes(range(SIZE[1] * samples * depth // 8))
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * SIZE[0])) + chunk(b"IEND", b"")
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return file


@pytest.mark.parametrize(("samples", "colour"), [(3, 2), (4, 6)])
def test_16_bits_of_a_colour_png_are_not_cut_to_8(tmp_path, samples, colour):
    file = png_of_depth(tmp_path / "a.png", 16, samples, colour)
    assert Image.open(file).mode in ("RGB", "RGBA")
    with pytest.raises(ImageError, match="must be an 8-bit grey or RGB image, got 16 bits"):
        read_image(file, SIZE)
    assert read_image(png_of_depth(file, 8, 3, 2), SIZE).shape == (*SIZE, 3)


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_an_animation_is_refused(saved, colour, ending):
    frames = [Image.fromarray(255 - colour)]
    file = saved(Image.fromarray(colour), f"a.{ending}", save_all=True, append_images=frames)
    with pytest.raises(ImageError, match=r"must be one image, got an animation"):
        read_image(file, SIZE)


def test_a_photograph_with_a_second_picture_is_its_first(saved, colour):
    first, second = Image.fromarray(colour), Image.new("RGB", (4, 4))
    file = saved(first, "a.jpg", format="MPO", save_all=True, append_images=[second])
    plain = saved(first, "b.jpg")
    np.testing.assert_array_equal(read_image(file, SIZE), read_image(plain, SIZE))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_exif_orientation_is_applied(saved, colour, orientation, name):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(colour)
    file = saved(stored, name, exif=exif, **({} if name == "a.png" else {"lossless": True}))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    np.testing.assert_array_equal(read_image(file, upright.shape[:2]), upright)
    if upright.shape[:2] != SIZE:
        with pytest.raises(ImageError, match=r"must be 5 x 8 pixels .*, got 8 x 5"):
            read_image(file, SIZE)
    resized = read_image(file, (3, 4), 3, resize="stretch")
    expected = Image.fromarray(upright).resize((4, 3), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(resized, expected)


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a.png: must be a regular file, got another kind"):
        read_image(tmp_path / "a.png", SIZE)
    with pytest.raises(ImageError, match=r"b.png: must be .* image, got: .* No such file"):
        read_image(tmp_path / "b.png", SIZE)


def claimed(width, height):
    """A PNG whose head says so, without any pixel."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [head, b"IDAT", b"IEND"]
    parts = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.filterwarnings("error")
def test_photographs_of_200_megapixels_are_taken(tmp_path):
    (tmp_path / "a.png").write_bytes(claimed(16_320, 12_240))
    assert look(tmp_path / "a.png", SIZE, "crop") == ((12_240, 16_320), 3)


def test_what_is_too_large_is_refused_with_its_size_by_its_head(tmp_path):
    (tmp_path / "a.png").write_bytes(claimed(2**14, 2**14))
    assert look(tmp_path / "a.png", SIZE, "crop")[0] == (2**14, 2**14)
    (tmp_path / "a.png").write_bytes(claimed(20_000, 15_000))
    for read in (look, read_image):
        with pytest.raises(ImageError) as caught:
            read(tmp_path / "a.png", SIZE, resize="crop")
        wanted = f"{tmp_path}/a.png: must have at most 268.4 megapixels, got 300.0"
        assert str(caught.value) == wanted


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "webp", "mpo"])
def test_pillows_own_limit_is_not_the_readers_and_stays_as_it_was(ending, tmp_path, monkeypatch):
    """It is for the whole process: images that others open are held to it."""
    image = Image.new("RGB", (60, 50))
    image.save(tmp_path / f"a.{ending}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with ThreadPoolExecutor(8) as threads:
        read = [threads.submit(read_image, tmp_path / f"a.{ending}", (50, 60)) for _ in range(64)]
        assert {one.result().shape for one in read} == {(50, 60, 3)}
    (tmp_path / "none.png").write_bytes(b"none")
    with pytest.raises(ImageError):
        read_image(tmp_path / "none.png", SIZE)
    assert Image.MAX_IMAGE_PIXELS == 100
