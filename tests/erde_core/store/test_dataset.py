import dataclasses

import h5py
import numpy as np
import pytest

from erde_core.images import SPLITS
from erde_core.store.dataset import dataset_hash, read_dataset, write_dataset


def test_round_trip(tmp_path, dataset):
    write_dataset(tmp_path / "new" / "data.h5", dataset)
    found = read_dataset(tmp_path / "new" / "data.h5")
    for name in SPLITS:
        for column in ("images", "labels", "group"):
            wanted = getattr(getattr(dataset, name), column)
            array = getattr(getattr(found, name), column)
            np.testing.assert_array_equal(array, wanted)
            assert array.dtype == wanted.dtype
    for name in ("class_names", "mean", "std", "source"):
        assert getattr(found, name) == getattr(dataset, name)
    assert dataset_hash(found) == dataset_hash(dataset)


@pytest.mark.parametrize("column", ["images", "labels", "group"])
@pytest.mark.parametrize("name", SPLITS)
def test_hash_sees_every_array(dataset, name, column):
    split = getattr(dataset, name)
    array = getattr(split, column).copy()
    array.flat[-1] += 1
    changed = dataclasses.replace(split, **{column: array})
    assert dataset_hash(dataclasses.replace(dataset, **{name: changed})) != dataset_hash(dataset)


def test_file_describes_itself(tmp_path, dataset):
    """To a reader who has h5py and not us."""
    write_dataset(tmp_path / "data.h5", dataset)
    with h5py.File(tmp_path / "data.h5") as file:
        assert file.attrs["format"].decode() == "erde data set"
        assert sorted(file) == ["test", "train", "val"]
        assert sorted(file["val"]) == ["group", "images", "labels"]
        assert file.attrs["sha256"].decode() == dataset_hash(dataset)
