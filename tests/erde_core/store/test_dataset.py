import dataclasses

import h5py
import numpy as np
import pytest

from erde_core.images import SPLITS
from erde_core.store import dataset as store
from erde_core.store.dataset import dataset_hash, read_dataset, write_dataset
from erde_core.store.files import StoreError


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


CHANGES = {
    "class_names": ("naïve", "猫", "c, e"),
    "mean": (0.5, 0.25, 0.3),
    "std": (0.1, 0.2, np.nextafter(0.3, 1)),
}


@pytest.mark.parametrize("field", CHANGES)
def test_hash_sees_all_that_a_network_learns_from(dataset, field):
    assert dataset_hash(dataclasses.replace(dataset, **{field: CHANGES[field]})) != dataset_hash(
        dataset
    )


def test_where_images_came_from_is_no_part_of_the_hash(dataset):
    assert dataset_hash(dataclasses.replace(dataset, source="moved")) == dataset_hash(dataset)


@pytest.mark.parametrize("field", [*CHANGES, "source"])
def test_a_field_that_is_not_what_was_written_is_refused(tmp_path, dataset, field):
    """As if one file's attributes had been put over another's."""
    other = dataclasses.replace(dataset, **{field: (CHANGES | {"source": "other"})[field]})
    write_dataset(tmp_path / "data.h5", dataset)
    write_dataset(tmp_path / "other.h5", other)
    with h5py.File(tmp_path / "data.h5", "r+") as file, h5py.File(tmp_path / "other.h5") as source:
        del file.attrs[field]
        file.attrs.create(field, source.attrs[field], dtype=source.attrs.get_id(field).dtype)
    with pytest.raises(StoreError, match=r"data.h5: content must have SHA-256"):
        read_dataset(tmp_path / "data.h5")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"std": (0.1, 0.0, 0.3)}, "must vary in every channel"),
        ({"mean": (0.5,)}, "mean must be 3 finite numbers"),
        ({"class_names": ("a", "b")}, "labels must lie in 0 … 1"),
    ],
)
def test_a_sealed_lie_is_refused_by_its_rule(tmp_path, dataset, monkeypatch, changes, rule):
    lie = dataclasses.replace(dataset, **changes)
    with pytest.raises(ValueError, match=rule):
        write_dataset(tmp_path / "data.h5", lie)
    assert not list(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(store, "check_dataset", lambda dataset: None)
        write_dataset(tmp_path / "data.h5", lie)
    with pytest.raises(StoreError, match=f"data.h5: .*{rule}"):
        read_dataset(tmp_path / "data.h5")


def test_file_describes_itself(tmp_path, dataset):
    """To a reader who has h5py and not us."""
    write_dataset(tmp_path / "data.h5", dataset)
    with h5py.File(tmp_path / "data.h5") as file:
        assert file.attrs["format"].decode() == "erde data set"
        assert sorted(file) == ["test", "train", "val"]
        assert sorted(file["val"]) == ["group", "images", "labels"]
        assert file.attrs["sha256"].decode() == dataset_hash(dataset)
