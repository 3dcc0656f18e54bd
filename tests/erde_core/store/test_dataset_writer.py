import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from erde_core.images import ImageDataset, Split
from erde_core.store import dataset_writer
from erde_core.store.dataset import dataset_hash, read_dataset, write_dataset
from erde_core.store.dataset_writer import DatasetWriter, Planned, parts_of

SIDES = {"train": 9, "val": 8, "test": 8}
COUNTS = {"train": 700, "val": 30, "test": 40}


def planned():
    return {
        name: Planned((side, side, 3), np.arange(COUNTS[name]) % 2, np.arange(COUNTS[name]))
        for name, side in SIDES.items()
    }


def pixels():
    rng = np.random.default_rng(0)
    return {n: rng.integers(0, 256, (COUNTS[n], s, s, 3), np.uint8) for n, s in SIDES.items()}


def writer(folder, said=None, identity="mine"):
    return DatasetWriter(folder, planned(), identity, (said or []).append)


def put(into, part):
    rows = slice(part.start, part.stop)
    content = np.full((part.stop - part.start, 32), part.number, np.uint8)
    into.write(part, pixels()[part.split][rows], content)


def dataset(splits):
    return ImageDataset(
        **splits, class_names=("a", "b"), mean=(0.5,) * 3, std=(0.2,) * 3, source="x"
    )


def finished(into, path):
    for part in into.missing:
        put(into, part)
    into.finish(path, dataset(into.splits()))
    return read_dataset(path)


def whole():
    return dataset({n: Split(pixels()[n], p.labels, p.group) for n, p in planned().items()})


def test_the_file_holds_what_one_written_at_once_holds(tmp_path):
    write_dataset(tmp_path / "once.h5", whole())
    found = finished(writer(tmp_path / "made"), tmp_path / "data.h5")
    assert dataset_hash(found) == dataset_hash(read_dataset(tmp_path / "once.h5"))
    np.testing.assert_array_equal(found.train.images, pixels()["train"])
    assert found.image_shape == (3, 8, 8)
    assert not list((tmp_path / "made").iterdir())


def test_it_goes_on_where_it_was(tmp_path):
    first, said = writer(tmp_path), []
    put(first, first.missing[1])
    again = DatasetWriter(tmp_path, planned(), "mine", said.append)
    assert [part.number for part in again.missing] == [0, 2, 3, 4]
    assert said == ["resuming with 4 of 5 parts of the images to go"]
    assert dataset_hash(finished(again, tmp_path / "data.h5")) == dataset_hash(whole())
    assert again.parts == tuple(parts_of(planned()))


def test_a_damaged_part_is_made_anew(tmp_path):
    first, said = writer(tmp_path), []
    for part in first.missing:
        put(first, part)
    data = bytearray((tmp_path / "unfinished.h5").read_bytes())
    where = data.find(pixels()["train"][300].tobytes())
    data[where] ^= 1
    (tmp_path / "unfinished.h5").write_bytes(data)
    again = DatasetWriter(tmp_path, planned(), "mine", said.append)
    assert [part.number for part in again.missing] == [1]
    assert said[0] == "1 parts of the unfinished data set are damaged: they are made anew"
    assert dataset_hash(finished(again, tmp_path / "data.h5")) == dataset_hash(whole())


@pytest.mark.parametrize("change", ["identity", "damage"])
def test_another_or_a_damaged_file_is_said_and_made_anew(tmp_path, change):
    first, said = writer(tmp_path), []
    put(first, first.missing[0])
    if change == "damage":
        os.truncate(tmp_path / "unfinished.h5", 100)
    identity = "other" if change == "identity" else "mine"
    again = DatasetWriter(tmp_path, planned(), identity, said.append)
    assert len(again.missing) == 5
    assert said[0].startswith("the unfinished data set is ")


def test_what_does_not_fit_is_refused(tmp_path):
    into = writer(tmp_path)
    part = into.missing[0]
    with pytest.raises(ValueError, match=r"images and content must have shapes \(256, 9, 9, 3\)"):
        into.write(part, pixels()["train"][:5], np.zeros((5, 32), np.uint8))
    with pytest.raises(ValueError, match="all parts must be written before finish"):
        into.finish(tmp_path / "data.h5", whole())
    assert not (tmp_path / "data.h5").exists()


CHILD = """
import sys
from tests.erde_core.store.test_dataset_writer import put, writer
into = writer(sys.argv[1])
for part in into.missing:
    put(into, part)
    print(part.number, flush=True)
"""


@pytest.mark.parametrize("after", [0, 2, 4])
def test_a_kill_at_any_moment_costs_at_most_what_was_not_noted(tmp_path, after):
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            if int(line) == after:
                child.send_signal(signal.SIGKILL)
                break
    again = writer(tmp_path)
    assert len(again.missing) <= 4 - after
    assert dataset_hash(finished(again, tmp_path / "data.h5")) == dataset_hash(whole())


def test_large_images_go_in_small_parts(monkeypatch):
    monkeypatch.setattr(dataset_writer, "_PART_BYTES", 10 * 9 * 9 * 3)
    parts = parts_of(planned())
    assert {part.stop - part.start for part in parts if part.split == "train"} == {10}
