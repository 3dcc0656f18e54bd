"""What every kind of file has in common: damage of any sort is one StoreError with the path."""

import h5py
import numpy as np
import pytest

from erde_core.store.dataset import write_dataset
from erde_core.store.files import FORMAT_VERSION, StoreError, set_text


def refused(kind, rule):
    with pytest.raises(StoreError, match=rule) as caught:
        kind.read(kind.path)
    message = str(caught.value)
    assert str(kind.path) in message
    assert "\n" not in message.replace(str(kind.path), "")


def test_headers_have_checksums(kind):
    assert kind.path.read_bytes()[8] >= 2  # the superblock's version; before 2, none has them


def test_any_flipped_byte_is_refused_or_means_nothing(kind):
    whole, said = kind.path.read_bytes(), plain(kind.read(kind.path))
    refusals = 0
    for place in range(0, len(whole), 31):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        kind.path.write_bytes(damaged)
        try:
            found = plain(kind.read(kind.path))
        except StoreError:
            refusals += 1
        else:
            assert found == said, f"byte {place}"
    assert refusals > 50


def plain(value):
    """Everything that a reader gave, comparable."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if hasattr(value, "__dataclass_fields__"):
        return [plain(getattr(value, name)) for name in value.__dataclass_fields__]
    return value


def test_every_truncation_is_refused(kind):
    whole = kind.path.read_bytes()
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        kind.path.write_bytes(whole[:length])
        refused(kind, kind.name)


def test_missing_file(kind):
    kind.path.unlink()
    refused(kind, f"no such file .expected an erde {kind.name} file")


def test_folder_in_place_of_the_file(kind):
    kind.path.unlink()
    kind.path.mkdir()
    refused(kind, f"not a readable erde {kind.name} file")


def test_not_hdf5(kind):
    kind.path.write_text("accuracy,macs\n", encoding="utf-8")
    refused(kind, f"not a readable erde {kind.name} file")


@pytest.mark.parametrize("attributes", [{}, {"format": "keras"}, {"format": 3}])
def test_foreign_hdf5(kind, attributes):
    with h5py.File(kind.path, "w") as file:
        file["logits"] = np.zeros(3)
        file.attrs.update(attributes)
    refused(kind, f"erde {kind.name}")


def test_another_kind_of_ours(kind, dataset):
    write_dataset(kind.path, dataset)
    if kind.name == "data set":
        with h5py.File(kind.path, "r+") as file:
            del file.attrs["format"]
            set_text(file, "format", "erde exit logits")
    refused(kind, f"must be an erde {kind.name} file, got format 'erde ")


def test_newer_version(kind):
    with h5py.File(kind.path, "r+") as file:
        file.attrs["format_version"] = FORMAT_VERSION + 1
    refused(kind, f"version must be at most {FORMAT_VERSION}, got {FORMAT_VERSION + 1}")


def test_missing_part(kind):
    with h5py.File(kind.path, "r+") as file:
        del file["logits" if kind.name == "teacher logits" else "test"]
    refused(kind, f"not a readable erde {kind.name} file")
