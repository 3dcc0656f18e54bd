"""Damaged data-set files."""

import dataclasses
from unittest import mock

import numpy as np

from erde_core.images import ImageDataset, Split
from erde_core.store import dataset as store
from tests.fuzz.stored import damage_campaign, lies_are_refused

CASES, SEED = 1000, 20


def content(seed):
    rng = np.random.default_rng(seed)

    def split(count):
        images = rng.integers(0, 256, (count, 4, 5, 3), np.uint8)
        return Split(images, np.arange(count) % 3, np.arange(count) // 2)

    mean, std = rng.uniform(0.2, 0.8, (2, 3)).tolist()
    names = tuple(f"class {seed} {c}" for c in range(3))
    return ImageDataset(split(7), split(4), split(5), names, tuple(mean), tuple(std), f"no {seed}")


def campaign(folder, cases, seed):
    contents = content(1), content(2)
    counts = damage_campaign(folder, store.write_dataset, contents, store.read_dataset, cases, seed)
    return counts | {"lies refused": lies_are_refused(folder, sealed, lies(), store.read_dataset)}


def sealed(path, lie):
    with mock.patch.object(store, "check_dataset"):
        store.write_dataset(path, lie)


def lies():
    good = content(1)

    def with_(part, **changes):
        return dataclasses.replace(
            good, **{part: dataclasses.replace(getattr(good, part), **changes)}
        )

    train = good.train
    return {
        "labels beyond the classes": with_("train", labels=train.labels + 1),
        "a negative label": with_("val", labels=good.val.labels - 1),
        "narrow labels": with_("train", labels=train.labels.astype(np.int32)),
        "labels of fewer images": with_("test", labels=good.test.labels[:-1]),
        "groups of fewer images": with_("test", group=good.test.group[:-1]),
        "signed pixels": with_("train", images=train.images.astype(np.int16)),
        "two channels": with_("train", images=train.images[..., :2]),
        "larger test images": with_("test", images=np.repeat(good.test.images, 2, axis=1)),
        "no validation": dataclasses.replace(
            good, val=Split(*(np.zeros((0, 4, 5, 3), np.uint8), *[np.zeros(0, np.int64)] * 2))
        ),
        "fewer names": dataclasses.replace(good, class_names=("a", "b")),
        "one name twice": dataclasses.replace(good, class_names=("a", "b", "a")),
        "names that are numbers": dataclasses.replace(good, class_names=(1, 2, 3)),
        "more names than classes": dataclasses.replace(good, class_names=("a", "b", "c", "d")),
        "no deviation": dataclasses.replace(good, std=(0.1, 0.0, 0.1)),
        "a negative deviation": dataclasses.replace(good, std=(0.1, -0.1, 0.1)),
        "not a number": dataclasses.replace(good, mean=(0.1, float("nan"), 0.1)),
        "one mean": dataclasses.replace(good, mean=(0.1,)),
    }


def test_no_damage_goes_unnoticed(tmp_path):
    counts = campaign(tmp_path, CASES, SEED)
    assert counts["refused"] > CASES / 2
