import numpy as np
import pytest
from PIL import Image

from erde.datasets.image_file import read_image
from erde.datasets.images import DatasetError

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
    with pytest.raises(DatasetError, match=r"a.png: must not be transparent, got .* alpha 17"):
        read_image(saved(image), SIZE)


def test_transparent_palette_is_refused(saved, colour):
    palette = Image.fromarray(colour).quantize(4)
    file = saved(palette, transparency=int(np.asarray(palette)[0, 0]))
    with pytest.raises(DatasetError, match="must not be transparent, got a pixel of alpha 0"):
        read_image(file, SIZE)


def test_more_than_8_bits_are_refused(saved):
    deep = Image.fromarray(np.full(SIZE, 40_000, np.uint16))
    with pytest.raises(DatasetError, match="must be an 8-bit grey or RGB image, got mode 'I;16'"):
        read_image(saved(deep), SIZE)


def test_cmyk_is_refused(saved):
    with pytest.raises(DatasetError, match="got mode 'CMYK'"):
        read_image(saved(Image.new("CMYK", SIZE[::-1]), "a.jpg"), SIZE)


def test_size_is_height_by_width(saved):
    with pytest.raises(DatasetError, match=r"must be 8 x 5 pixels .*image_size.*, got 5 x 8"):
        read_image(saved(Image.new("RGB", (8, 5))), (8, 5))


@pytest.mark.parametrize(("mode", "channels"), [("L", 3), ("RGB", 1)])
def test_the_other_kind_is_refused(saved, mode, channels):
    with pytest.raises(DatasetError, match=r"must be (grey|colour) like the other images"):
        read_image(saved(Image.new(mode, SIZE[::-1])), SIZE, channels)


@pytest.mark.parametrize("kept", [0, 10, 40, 90])
def test_truncated_file(saved, colour, kept):
    file = saved(Image.fromarray(colour))
    data = file.read_bytes()
    assert len(data) > 100
    file.write_bytes(data[:kept])
    with pytest.raises(DatasetError, match=r"a.png: must be a whole, readable image, got: ."):
        read_image(file, SIZE)


def test_a_flipped_bit_in_the_pixels_is_found(saved, colour):
    file = saved(Image.fromarray(colour))
    data = bytearray(file.read_bytes())
    data[data.index(b"IDAT") + 30] ^= 1
    file.write_bytes(data)
    with pytest.raises(DatasetError, match="must be a whole, readable image"):
        read_image(file, SIZE)


def test_only_the_known_decoders_are_tried(saved, tmp_path):
    file = saved(Image.new("RGB", SIZE[::-1]), "a.tif").rename(tmp_path / "a.png")
    with pytest.raises(DatasetError, match="must be a whole, readable image"):
        read_image(file, SIZE)
