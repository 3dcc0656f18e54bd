"""SOURCES: each entry's facts are those of the data set it makes, and no entry loads torch."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from erde.datasets import cifar, svhn
from erde.datasets.digits import make_digits
from erde.datasets.images import DatasetError, TrainAndTest, channel_statistics, ungrouped
from erde.datasets.sources import SOURCES, prepare, source_settings
from erde.datasets.split import hold_out
from erde.running.code_hash import code_hash

REPOSITORY = Path(__file__).parents[3]


def made(root, **keys):
    return prepare(source_settings(keys), Path(root))


def facts_hold(dataset, facts):
    counts = [len(split) for split in (dataset.train, dataset.val, dataset.test)]
    assert counts == [facts.train, facts.val, facts.test]
    assert dataset.train.images.shape[1:] == (facts.height, facts.width, facts.channels)
    assert len(dataset.class_names) == facts.classes


@pytest.fixture
def published(rng):
    def split(count):
        pixels = rng.integers(0, 256, (count, 4, 4, 3), np.uint8)
        return ungrouped(pixels, np.arange(count) % 2)

    return TrainAndTest(split(40), split(6), ("a", "b"), "made up")


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "svhn"])
def test_validation_is_held_out_of_train(name, published, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(cifar, "read_cifar", lambda *args: seen.append(args) or published)
    monkeypatch.setattr(svhn, "read_svhn", lambda *args: seen.append(args) or published)
    dataset = made(tmp_path, name=name, validation=10, split_seed=3)
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
    dataset, expected = made(tmp_path, name="digits", **options), make_digits(**options)
    facts_hold(dataset, source_settings({"name": "digits"} | options).facts())
    np.testing.assert_array_equal(dataset.train.images, expected.train.images)
    assert not list(tmp_path.iterdir())


def test_folder(tmp_path, rng):
    for part in ("train", "test"):
        for name in ("ant", "ox"):
            (tmp_path / part / name).mkdir(parents=True)
            for n in range(4):
                pixels = rng.integers(0, 256, (5, 7, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / name / f"{n}.png")
    keys = {"name": "folder", "path": str(tmp_path), "image_size": (5, 7), "validation": 2}
    dataset = made("unused", **keys)
    facts_hold(dataset, source_settings(keys).facts())
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [6, 2, 8]
    assert dataset.val.labels.tolist() == [0, 1]
    assert dataset.class_names == ("ant", "ox")


@pytest.mark.parametrize(("count", "message"), [(0, "must be >= 1, got 0"), (40, "1 … 39 of 40")])
def test_validation_out_of_range(count, message, published, monkeypatch):
    monkeypatch.setattr(svhn, "read_svhn", lambda root: published)
    with pytest.raises(ValueError, match=message):
        made("data", name="svhn", validation=count)


def test_a_published_label_out_of_range(published, monkeypatch):
    published.test.labels[4] = 2
    monkeypatch.setattr(svhn, "read_svhn", lambda root: published)
    with pytest.raises(DatasetError, match="test labels must lie in 0 … 1, got 2 at image 4"):
        made("data", name="svhn", validation=10)


def test_unknown_name():
    with pytest.raises(DatasetError, match=f"one of {', '.join(SOURCES)}, got 'mnist'"):
        source_settings({"name": "mnist"})


@pytest.mark.parametrize("module", ["erde.experiment.schema", "erde.datasets.sources"])
def test_neither_table_nor_schema_loads_torch_or_a_reader(module):
    heavy = ("torch", "torchvision", "sklearn", "scipy", "PIL")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", SOURCES)
def test_an_entry_names_the_module_of_its_settings(name):
    entry = SOURCES[name]
    assert getattr(importlib.import_module(entry.module), entry.settings.__name__) is entry.settings


def test_published_counts_are_torchvisions():
    facts = source_settings({"name": "cifar100"}).facts()
    assert (facts.images, facts.classes, facts.train) == (60_000, 100, 45_000)
    assert source_settings({"name": "cifar10"}).facts().classes == 10
    assert source_settings({"name": "svhn"}).facts().images == 99_289


def test_the_table_is_in_no_data_sets_code_and_each_source_in_its_own(tmp_path):
    for package in ("erde_core", "erde"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=ignore)

    def hashes():
        return {name: code_hash(tmp_path, entry.module) for name, entry in SOURCES.items()}

    def changed_by(module):
        path, before = tmp_path / f"erde/datasets/{module}.py", hashes()
        path.write_text(path.read_text(encoding="utf-8") + "\n\nADDED = 1\n", encoding="utf-8")
        return {name for name, found in hashes().items() if found != before[name]}

    assert changed_by("sources") == set()
    assert changed_by("fingerprint") == set()
    assert changed_by("digits") == {"digits"}
    assert changed_by("svhn") == {"svhn"}
    assert changed_by("folder") == {"folder", "cifar10", "cifar100"}  # CIFAR may be class folders
    assert changed_by("split") == set(SOURCES)
