import numpy as np
import pytest

from erde.datasets import clutter
from erde.datasets.clutter import (
    FRAGMENT_STRENGTH,
    LARGEST_SIDE,
    NOISE,
    SMALLEST_SIDE,
    WINDOW,
    compose,
)

BLANK, FULL = np.zeros((8, 8), np.float32), np.ones((8, 8), np.float32)


def composed(sources, target, difficulty, count=60, canvas=24, seed=0):
    return compose(
        np.stack(sources),
        np.full(count, target),
        np.full(count, difficulty),
        canvas,
        np.random.default_rng(seed),
    )


def brightness(images):
    return images.mean(axis=-1)


def ink_share(images):
    """Share of the pixels nearer to the brightness of the middle than to that of the corners."""
    grey = brightness(images)
    low, high = (grey.min(axis=(1, 2), keepdims=True), grey.max(axis=(1, 2), keepdims=True))
    bright = (grey > (low + high) / 2).mean(axis=(1, 2))
    return np.where(grey[:, 12, 12] > (low + high)[:, 0, 0] / 2, bright, 1 - bright)


@pytest.mark.parametrize("canvas", [16, 24, 32])
def test_type_and_shape(canvas):
    images = composed([BLANK, FULL], 1, 0.5, count=3, canvas=canvas)
    assert images.dtype == np.uint8
    assert images.shape == (3, canvas, canvas, 3)


def test_the_generator_alone_decides():
    first, again, other = (composed([BLANK, FULL], 1, 1.0, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_digit_without_ink_leaves_the_background():
    images = composed([BLANK, FULL], 0, 0.0).astype(int)
    spread = images.std(axis=(1, 2)).max()
    assert spread < 2 * 255 * NOISE[0]


def test_a_digit_has_its_side_and_lies_on_the_canvas():
    """A full 8×8 is a square of the digit's side; turned, it may lose a little at the edge."""
    share = ink_share(composed([BLANK, FULL], 1, 0.0, count=200))
    assert share.min() > 0.85 * SMALLEST_SIDE[0] ** 2
    assert share.max() < 1.15 * LARGEST_SIDE[0] ** 2
    assert share.max() - share.min() > 0.1


def test_places_differ():
    images = brightness(composed([BLANK, FULL], 1, 0.0, count=200))
    ink = np.abs(images - np.median(images[:, :1], axis=(1, 2), keepdims=True))
    centres = (ink * np.arange(24)).sum(axis=(1, 2)) / ink.sum(axis=(1, 2))
    assert centres.std() > 1


def test_sources_are_not_mirrored_or_transposed():
    corner = BLANK.copy()
    corner[:3, :5] = 1  # wider than high, in the top left
    images = brightness(composed([BLANK, corner], 1, 0.0, count=100))
    ink = np.abs(images - np.median(images, axis=(1, 2), keepdims=True)) > 60
    rows, columns = ink.any(axis=2).sum(axis=1), ink.any(axis=1).sum(axis=1)
    assert (columns > rows).mean() > 0.95
    # The digit's square is on the canvas, so its top left corner cannot be at the bottom right.
    assert ink[:, :8].sum() > 5 * ink[:, -8:].sum()


@pytest.fixture
def no_noise(monkeypatch):
    monkeypatch.setattr(clutter, "NOISE", (0.0, 0.0))


def faint_share(images):
    """Share of the pixels as far from the background as a fragment of the hardest image."""
    grey = brightness(images)
    low, high = grey.min(axis=(1, 2), keepdims=True), grey.max(axis=(1, 2), keepdims=True)
    level = np.abs((grey - low) / (high - low) - 0.5)
    return (np.abs(level - (FRAGMENT_STRENGTH[1] - 0.5)) < 0.04).mean(axis=(1, 2))


def test_fragments_are_of_other_sources(no_noise):
    """With a blank target all that shows is fragments; with a blank other there are none."""
    assert (composed([BLANK, FULL], 0, 1.0).std(axis=(1, 2, 3)) > 5).all()
    assert faint_share(composed([BLANK, FULL], 1, 1.0)).mean() < 0.03


def test_fragments_are_fainter_than_the_digit(no_noise):
    assert faint_share(composed([FULL, FULL], 1, 1.0)).mean() > 0.15


def test_fragments_are_pieces(no_noise, monkeypatch):
    monkeypatch.setattr(clutter, "FRAGMENTS", (1.0, 1.0))
    images = brightness(composed([BLANK, FULL], 0, 0.0, count=200))
    background = np.median(images, axis=(1, 2), keepdims=True)
    share = (np.abs(images - background) > 5).mean(axis=(1, 2))
    assert share.max() < 1.5 * (WINDOW / 8 * LARGEST_SIDE[0]) ** 2
    assert share.max() > 0.05


def test_each_image_has_the_fragments_of_its_own_difficulty(no_noise):
    difficulty = np.tile([0.0, 1.0], 30)
    sources, targets = np.stack([BLANK, FULL]), np.zeros(60, int)
    images = compose(sources, targets, difficulty, 24, np.random.default_rng(0))
    spread = images.std(axis=(1, 2)).max(axis=1)
    assert spread[::2].max() == 0
    assert spread[1::2].min() > 5


def test_fragments_are_behind_the_digit():
    alone, crowded = (composed([s, FULL], 1, 1.0).astype(float) for s in (BLANK, FULL))
    # Same generator, same digit: where it is opaque, what lies behind makes no difference.
    assert (np.abs(alone - crowded).max(axis=-1) < 1).mean(axis=(1, 2)).min() > 0.2


@pytest.mark.parametrize("fixed", ["ROTATION_DEGREES", "SHEAR"])
def test_hard_digits_are_turned_and_sheared(no_noise, monkeypatch, fixed):
    """A square that is neither fills its bounding box."""
    monkeypatch.setattr(clutter, fixed, (0.0, 0.0))
    images = brightness(composed([BLANK, FULL], 1, 1.0, count=100))
    middle = (images.min(axis=(1, 2)) + images.max(axis=(1, 2)))[:, None, None] / 2
    ink = (images > middle) == (images[:, 12, 12, None, None] > middle)
    box = ink.any(axis=1).sum(axis=1) * ink.any(axis=2).sum(axis=1)
    filled = ink.sum(axis=(1, 2)) / box
    assert filled.max() > 0.95
    assert np.quantile(filled, 0.2) < 0.87


def test_difficulty_grades_contrast_and_noise():
    easy, hard = (composed([BLANK, FULL], 1, d, count=200) for d in (0.0, 1.0))
    contrast = [
        np.ptp(np.percentile(brightness(i), [5, 95], axis=(1, 2)), axis=0).mean()
        for i in (easy, hard)
    ]
    assert contrast[0] > 1.5 * contrast[1]
    noise = [
        np.diff(composed([BLANK, BLANK], 0, d).astype(float), axis=2).std() for d in (0.0, 1.0)
    ]
    assert noise[1] > 2 * noise[0]


def test_background_and_digit_take_all_colours():
    images = composed([BLANK, BLANK], 0, 0.5, count=300).mean(axis=(1, 2)) / 255
    assert (images.std(axis=0) > 0.15).all()
    assert np.abs(images[:, 0] - images[:, 1]).mean() > 0.05
    lighter = [
        i[12, 12].mean() > i[0, 0].mean() for i in composed([BLANK, FULL], 1, 0.0, count=200)
    ]
    assert 0.3 < np.mean(lighter) < 0.7
