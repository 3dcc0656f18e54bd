"""One small file of each kind, and how to read it."""

from dataclasses import dataclass

import numpy as np
import pytest

from erde_core.images import ImageDataset, Split
from erde_core.store.dataset import read_dataset, write_dataset
from erde_core.store.exit_logits import (
    ExitLogits,
    SplitLogits,
    read_exit_logits,
    write_exit_logits,
)
from erde_core.store.teacher_logits import CacheIdentity, read_teacher_logits, verify_content
from erde_core.store.teacher_logits_writer import TeacherLogitsWriter

CLASSES = 3
IDENTITY = CacheIdentity(
    dataset="d" * 64,
    teacher="t" * 64,
    normalisation="mean (0.5,), std (0.25,)",
    pad_mode="zero",
    precision="float32",
    views="2 of 9 (pad 1, no flip)",
    folds="1",
    maker="m" * 64,
)
VIEWS = np.array([[0, 0, 0], [0, 1, 0]])


def labels(count):
    return np.arange(count) % CLASSES


@pytest.fixture
def dataset():
    rng = np.random.default_rng(1)

    def split(count):
        images = rng.integers(0, 256, (count, 4, 5, 3), np.uint8)
        return Split(images, labels(count), np.arange(count) // 2)

    statistics = (0.5, 0.25, 1 / 3), (0.1, 0.2, 0.3)
    names = ("naïve", "猫", "c, d")
    return ImageDataset(split(7), split(4), split(5), names, *statistics, "source: “test”")


@pytest.fixture
def exit_logits():
    rng = np.random.default_rng(2)

    def split(count):
        logits = rng.normal(size=(count, 2, CLASSES)).astype(np.float32)
        return SplitLogits(logits, labels(count), np.arange(count))

    return ExitLogits(split(4), split(6), np.array([30, 90]), "d" * 64, "n" * 64)


@pytest.fixture
def teacher_views():
    """float16 logits (V, N, E, C) and the count of wrong answers (V, E)."""
    logits = np.random.default_rng(3).normal(size=(2, 5, 2, CLASSES)).astype(np.float16)
    return logits, np.array([[1, 0], [2, 1]])


@dataclass
class Kind:
    """A written file, the name of its kind, and a reader that checks the whole content."""

    path: object
    name: str
    read: object


@pytest.fixture(params=["data set", "exit logits", "teacher logits"])
def kind(request, tmp_path, dataset, exit_logits, teacher_views):
    path = tmp_path / "file.h5"
    if request.param == "data set":
        write_dataset(path, dataset)
        return Kind(path, request.param, read_dataset)
    if request.param == "exit logits":
        write_exit_logits(path, exit_logits)
        return Kind(path, request.param, read_exit_logits)
    write_teacher_logits(path, teacher_views)
    return Kind(path, request.param, _read_whole_cache)


def write_teacher_logits(path, teacher_views, identity=IDENTITY):
    logits, wrong = teacher_views
    writer = TeacherLogitsWriter(path.parent / "unfinished", logits.shape, VIEWS, identity)
    for view in writer.missing:
        writer.write_view(view, logits[view], wrong[view])
    writer.finish(path, np.array([0.25, 0.125]))


def _read_whole_cache(path):
    cache = read_teacher_logits(path)
    verify_content(cache, path)
    return cache
