import numpy as np
import pytest
from PIL import Image

from erde.datasets import prepare as module
from erde.datasets.digits import make_digits
from erde.datasets.images import DatasetError, TrainAndTest, channel_statistics, ungrouped
from erde.datasets.prepare import NAMES, prepare
from erde.datasets.split import hold_out


@pytest.fixture
def published(rng):
    def split(count):
        pixels = rng.integers(0, 256, (count, 4, 4, 3), np.uint8)
        return ungrouped(pixels, np.arange(count) % 2)

    return TrainAndTest(split(40), split(6), ("a", "b"), "made up")


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "svhn"])
def test_validation_is_held_out_of_train(name, published, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(module, "read_cifar", lambda *args: seen.append(args) or published)
    monkeypatch.setattr(module, "read_svhn", lambda *args: seen.append(args) or published)
    dataset = prepare(name, tmp_path, validation=10, split_seed=3)
    assert seen == [(tmp_path,) if name == "svhn" else (name, tmp_path)]
    train, val = hold_out(published.train.labels, 10, 3)
    np.testing.assert_array_equal(dataset.train.images, published.train.images[train])
    np.testing.assert_array_equal(dataset.val.images, published.train.images[val])
    np.testing.assert_array_equal(dataset.val.labels, published.train.labels[val])
    np.testing.assert_array_equal(dataset.test.images, published.test.images)
    assert dataset.val.group.tolist() == val.tolist()
    assert dataset.mean == channel_statistics(dataset.train.images)[0]
    assert (dataset.class_names, dataset.source) == (("a", "b"), "made up")


def test_digits(tmp_path):
    options = {"train_images": 150, "canvas": 16, "seed": 2}
    dataset, expected = prepare("digits", tmp_path, **options), make_digits(**options)
    np.testing.assert_array_equal(dataset.train.images, expected.train.images)
    assert not list(tmp_path.iterdir())


def test_folder(tmp_path, rng):
    for part in ("train", "test"):
        for name in ("ant", "ox"):
            (tmp_path / part / name).mkdir(parents=True)
            for n in range(4):
                pixels = rng.integers(0, 256, (5, 7, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / name / f"{n}.png")
    dataset = prepare("folder", "unused", path=tmp_path, image_size=(5, 7), validation=2)
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [6, 2, 8]
    assert dataset.val.labels.tolist() == [0, 1]
    assert dataset.class_names == ("ant", "ox")


@pytest.mark.parametrize("count", [0, 40])
def test_validation_out_of_range(count, published, monkeypatch):
    monkeypatch.setattr(module, "read_svhn", lambda root: published)
    with pytest.raises(DatasetError, match=rf"1 … 39 of 40 training images, got {count}"):
        prepare("svhn", "data", validation=count)


def test_a_published_label_out_of_range(published, monkeypatch):
    published.test.labels[4] = 2
    monkeypatch.setattr(module, "read_svhn", lambda root: published)
    with pytest.raises(DatasetError, match="test labels must lie in 0 … 1, got 2 at image 4"):
        prepare("svhn", "data", validation=10)


def test_unknown_name():
    with pytest.raises(DatasetError, match=f"one of {', '.join(NAMES)}, got 'mnist'"):
        prepare("mnist", "data")
