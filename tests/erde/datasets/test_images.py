import dataclasses

import numpy as np
import pytest

from erde.datasets import images
from erde.datasets.images import (
    DatasetError,
    channel_statistics,
    checked,
    image_dataset,
    take,
    ungrouped,
)
from erde_core.images import Split


def split(count=6, shape=(5, 4, 3), classes=3, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)
    return ungrouped(pixels, np.arange(count) % classes)


@pytest.fixture
def dataset():
    return image_dataset(split(), split(4, seed=1), split(5, seed=2), ["a", "b", "c"], "made up")


def test_statistics_are_numpys_over_all_chunks(monkeypatch):
    monkeypatch.setattr(images, "_CHUNK", 4)  # 11 images: two whole chunks and a rest
    pixels = split(11).images
    mean, std = channel_statistics(pixels)
    np.testing.assert_allclose(mean, (pixels / 255).mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(std, (pixels / 255).std(axis=(0, 1, 2)), rtol=1e-12)


def test_data_set_has_the_statistics_of_its_train_split(dataset):
    mean, std = channel_statistics(dataset.train.images)
    assert (dataset.mean, dataset.std) == (mean, std)
    assert dataset.class_names == ("a", "b", "c")
    assert dataset.val.group.tolist() == [0, 1, 2, 3]


def test_take_keeps_image_label_and_group_together():
    whole = split()
    part = take(Split(whole.images, whole.labels, whole.group + 10), np.array([4, 1]))
    np.testing.assert_array_equal(part.images, whole.images[[4, 1]])
    assert part.labels.tolist() == [1, 1]
    assert part.group.tolist() == [14, 11]


def changed(part, **fields):
    return lambda d: {part: dataclasses.replace(getattr(d, part), **fields)}


BROKEN = {
    "float images": (
        lambda d: {"val": ungrouped(np.zeros((4, 5, 4, 3)), np.zeros(4))},
        "val images must be uint8, got dtype float64",
    ),
    "three axes": (
        lambda d: {"test": ungrouped(np.zeros((4, 5, 4), np.uint8), np.zeros(4))},
        r"test images must have shape \(N, H, W, 3 or 1\), got \(4, 5, 4\)",
    ),
    "two channels": (lambda d: {"train": split(shape=(5, 4, 2))}, r"got \(6, 5, 4, 2\)"),
    "empty": (lambda d: {"val": split(0)}, "val must hold at least 1 image, got 0"),
    "other size": (
        lambda d: {"test": split(shape=(4, 4, 3))},
        r"test images must have the shape of the val images \(5, 4, 3\), got \(4, 4, 3\)",
    ),
    "grey test": (lambda d: {"test": split(shape=(5, 4, 1))}, r"got \(5, 4, 1\)"),
    "label too large": (
        changed("val", labels=np.array([0, 1, 3, 0])),
        r"val labels must lie in 0 … 2, got 3 at image 2",
    ),
    "negative label": (changed("test", labels=np.array([0, 1, 2, 0, -1])), "got -1 at image 4"),
    "label count": (
        changed("val", labels=np.array([0, 1])),
        r"val labels must have shape \(4,\), got \(2,\)",
    ),
    "label dtype": (
        changed("train", labels=np.zeros(6, np.int32)),
        "train labels must be int64, got dtype int32",
    ),
    "group count": (changed("val", group=np.arange(5)), r"val group must have shape \(4,\)"),
    "untrained class": (
        changed("train", labels=np.array([0, 2, 0, 2, 0, 2])),
        "train must hold every class, got no image of class 'b'",
    ),
    "one class": (lambda d: {"class_names": ("a",)}, "at least 2 names, got"),
    "same names": (lambda d: {"class_names": ("a", "b", "a")}, "got 'a' twice"),
    "mean count": (lambda d: {"mean": (0.5,)}, r"mean must be 3 finite numbers, got \[0.5\]"),
    "no deviation": (lambda d: {"std": (0.1, 0.0, 0.1)}, "vary in every channel"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_rules_are_named(dataset, case):
    change, message = BROKEN[case]
    assert checked(dataset) is dataset
    with pytest.raises(DatasetError, match=message):
        checked(dataclasses.replace(dataset, **change(dataset)))
