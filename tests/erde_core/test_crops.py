import numpy as np
import pytest
from PIL import Image

from erde_core.crops import ONE, CropSettings, colour_factors, crop_boxes, cropped
from erde_core.fast import crops as fast

CROPS = CropSettings(scale=(0.05, 1.0), seed=3)
STORED, SIZE = (23, 31), (12, 17)


def drawn(samples=40, views=30, flip=True, colour=0.4, seed=0):
    rng = np.random.default_rng(seed)
    n, v = rng.integers(0, samples, 200), rng.integers(0, views, 200)
    boxes = crop_boxes(CROPS, flip, n, v, STORED, SIZE)
    return n, v, boxes, colour_factors(CROPS, colour, n, v)


def images(channels=3, count=40):
    return np.random.default_rng(1).integers(0, 256, (count, *STORED, channels), np.uint8)


@pytest.mark.parametrize("kernel", [cropped, fast.cropped])
@pytest.mark.parametrize("size", [SIZE, STORED, (40, 9)])
def test_pixels_are_those_of_pillow(kernel, size):
    n, _, boxes, _ = drawn()
    found = kernel(images(), n, boxes, np.full((200, 3), ONE), size)
    for row, sample, (top, left, height, width, flip) in zip(found, n, boxes, strict=True):
        box = (left, top, left + width, top + height)
        source = Image.fromarray(images()[sample])
        shown = np.asarray(source.resize(size[::-1], Image.Resampling.BILINEAR, box=box))
        np.testing.assert_array_equal(row, shown[:, ::-1] if flip else shown)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_twin_gives_the_same_bits(channels):
    n, _, boxes, factors = drawn()
    pixels = images(channels)
    pixels.flags.writeable = False
    np.testing.assert_array_equal(
        fast.cropped(pixels, n, boxes, factors, SIZE), cropped(pixels, n, boxes, factors, SIZE)
    )


def test_view_0_is_the_middle_as_it_is():
    n = np.arange(40)
    zero = np.zeros(40, np.int64)
    boxes, factors = (
        crop_boxes(CROPS, True, n, zero, STORED, SIZE),
        colour_factors(CROPS, 0.5, n, zero),
    )
    found = fast.cropped(images(), n, boxes, factors, SIZE)
    np.testing.assert_array_equal(found, images()[:, 5:17, 7:24])


def test_a_view_depends_on_seed_image_and_number_alone():
    n, v, boxes, factors = drawn()
    for one in (0, 17, 199):
        alone = n[one : one + 1], v[one : one + 1]
        assert crop_boxes(CROPS, True, *alone, STORED, SIZE)[0].tolist() == boxes[one].tolist()
        assert colour_factors(CROPS, 0.4, *alone)[0].tolist() == factors[one].tolist()
    other = crop_boxes(CropSettings(scale=(0.05, 1.0), seed=4), True, n, v, STORED, SIZE)
    assert (other[v > 0] != boxes[v > 0]).any(axis=1).mean() > 0.95


def test_recorded_crops_stay_what_they_are():
    """A cache that was filled with other crops would be read as if it were of these."""
    n = np.array([0, 1, 44_999])
    boxes = crop_boxes(
        CropSettings(), True, n, np.array([1, 29, 2**31 - 1]), (256, 256), (224, 224)
    )
    assert boxes.tolist() == [[17, 3, 233, 207, 1], [18, 37, 191, 165, 0], [8, 0, 208, 256, 1]]
    assert colour_factors(CropSettings(), 0.2, n, np.array([1, 29, 5])).tolist() == [
        [62473, 59649, 55064],
        [65527, 77865, 76735],
        [66359, 71333, 60332],
    ]


def test_places_sizes_and_shapes_are_drawn_over_their_ranges():
    count = 20_000
    n, v = np.arange(count), np.full(count, 7)
    crops = CropSettings(scale=(0.25, 0.5), ratio=(0.5, 2.0))
    boxes = crop_boxes(crops, True, n, v, (200, 200), (100, 100))
    area = boxes[:, 2] * boxes[:, 3] / 40_000
    assert 0.245 < area.min() < 0.26 < 0.49 < area.max() < 0.505
    assert area.mean() == pytest.approx(0.375, abs=0.005)
    shape = np.log(boxes[:, 3] / boxes[:, 2])
    assert shape.mean() == pytest.approx(0, abs=0.01)
    assert abs(shape).max() == pytest.approx(np.log(2), abs=0.03)
    assert boxes[:, 4].mean() == pytest.approx(0.5, abs=0.02)
    for start, side in ((0, 2), (1, 3)):
        place = boxes[:, start] / (200 - boxes[:, side])
        assert place.mean() == pytest.approx(0.5, abs=0.01)
        assert (place.min(), place.max()) == (0, 1)
    assert crop_boxes(crops, False, n, v, (200, 200), (100, 100))[:, 4].max() == 0


def test_colours_by_hand():
    pixels = np.array([[[10, 20, 30], [200, 100, 50]]], np.uint8)[None]
    box = np.array([[0, 0, 1, 2, 0]])
    one = np.zeros(1, np.int64)

    def shown(*factors):
        scaled = np.rint(np.array([factors]) * ONE).astype(np.int64)
        return fast.cropped(pixels, one, box, scaled, (1, 2))[0, 0].tolist()

    assert shown(1.5, 1, 1) == [[15, 30, 45], [255, 150, 75]]
    # grey 18 and 124 (601 luma, rounded), their mean 71
    assert shown(1, 0, 1) == [[71, 71, 71], [71, 71, 71]]
    assert shown(1, 1, 0) == [[18, 18, 18], [124, 124, 124]]


@pytest.mark.parametrize("kernel", [cropped, fast.cropped])
@pytest.mark.parametrize(
    ("sample", "box", "message"),
    [
        (40, [0, 0, 5, 5, 0], r"samples must lie in 0 … 39, got 40"),
        (0, [20, 0, 5, 5, 0], r"boxes must lie inside of 23 × 31 pixels"),
        (0, [0, 0, 0, 5, 0], r"boxes must lie inside"),
    ],
)
def test_what_is_not_there_is_refused(kernel, sample, box, message):
    with pytest.raises(ValueError, match=message):
        kernel(images(), np.array([sample]), np.array([box]), np.full((1, 3), ONE), SIZE)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"scale": (0.0, 1.0)}, "scale must be two rising shares"),
        ({"scale": (0.5, 1.5)}, "scale must be two rising shares"),
        ({"ratio": (2.0, 1.0)}, "ratio must be two rising quotients"),
        ({"seed": -1}, "seed must lie in 0 … 2147483647, got -1"),
        ({"seed": 2**31}, "seed must lie in 0 … 2147483647, got 2147483648"),
    ],
)
def test_settings_out_of_range(keys, message):
    with pytest.raises(ValueError, match=message):
        CropSettings(**keys)
