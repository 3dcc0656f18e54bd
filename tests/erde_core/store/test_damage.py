"""What every kind of file has in common: damage of any sort is one StoreError with the path."""

import os

import h5py
import numpy as np
import pytest

from erde_core.store.dataset import write_dataset
from erde_core.store.files import StoreError
from erde_core.store.stamped import FORMAT_VERSION, set_text


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


def test_older_version_is_refused_with_the_way_out(kind):
    with h5py.File(kind.path, "r+") as file:
        file.attrs["format_version"] = FORMAT_VERSION - 1
    refused(kind, "outside its hash: delete it, and the next run makes it anew")


def test_missing_part(kind):
    part = "logits" if kind.name == "teacher logits" else "test/labels"
    with h5py.File(kind.path, "r+") as file:
        del file[part]
    refused(kind, f"{part} must be an array in this file, got none")


def test_a_pipe_does_not_hang(kind):
    kind.path.unlink()
    os.mkfifo(kind.path)
    refused(kind, "it is no regular file")


# What no hash covered once: the flips of texts and numbers that lie in attributes.
ATTRIBUTES = {
    "data set": ["class_names", "mean", "std", "source", "sha256", "seal"],
    "exit logits": ["dataset", "network", "seal"],
    "teacher logits": ["dataset", "teacher", "normalisation", "precision", "folds", "maker"],
}


def test_every_attribute_is_under_the_seal(kind):
    whole = kind.path.read_bytes()
    for name in ATTRIBUTES[kind.name]:
        kind.path.write_bytes(whole)
        with h5py.File(kind.path, "r+") as file:
            value = file.attrs[name]
            if isinstance(value, bytes):
                text = value.decode()
                last = "0" if text[-1] != "0" else "1"
                del file.attrs[name]
                set_text(file, name, text[:-1] + last if name != "class_names" else '["a", "b"]')
            else:
                file.attrs[name] = value + 1
        refused(kind, "content must have SHA-256 .* the file is damaged: delete it")


def arrays_of(path):
    with h5py.File(path) as file:
        found = []
        file.visititems(lambda name, item: found.append(name) if hasattr(item, "dtype") else None)
        return found


CHANGED = {
    "another type": lambda values: values.astype("f8" if values.dtype.kind != "f" else "i4"),
    "another byte order": lambda values: values.astype(values.dtype.newbyteorder(">")),
    "another axis": lambda values: values[None],
    "one row less": lambda values: values[:-1],
}


@pytest.mark.parametrize("change", CHANGED)
def test_an_array_of_another_type_or_shape_is_refused(kind, change):
    whole = kind.path.read_bytes()
    for name in arrays_of(kind.path):
        kind.path.write_bytes(whole)
        with h5py.File(kind.path, "r+") as file:
            changed = CHANGED[change](file[name][()])
            if changed.dtype == file[name].dtype and changed.shape == file[name].shape:
                continue  # one byte has no order
            del file[name]
            file[name] = changed
        refused(kind, "must be|must have")


def test_arrays_that_lie_elsewhere_are_refused(kind, tmp_path):
    name, whole = arrays_of(kind.path)[0], kind.path.read_bytes()
    (tmp_path / "other.h5").write_bytes(whole)
    for link in (h5py.ExternalLink(str(tmp_path / "other.h5"), name), h5py.SoftLink(f"/{name}")):
        kind.path.write_bytes(whole)
        with h5py.File(kind.path, "r+") as file:
            del file[name]
            file[name] = link
        refused(kind, f"{name} must be an array in this file, got none")
    for layout in ({"compression": "gzip"}, {"chunks": True}):
        kind.path.write_bytes(whole)
        with h5py.File(kind.path, "r+") as file:
            values = file[name][()]
            del file[name]
            file.create_dataset(name, data=values, **layout)
        refused(kind, f"{name} must lie in one piece")


def test_an_array_that_claims_more_than_the_file_has_is_refused(kind):
    """Reading it would ask for memory without end."""
    name = arrays_of(kind.path)[0]
    with h5py.File(kind.path, "r+") as file:
        shape, dtype = (10**13 // file[name].size, *file[name].shape[1:]), file[name].dtype
        del file[name]
        file.create_dataset(name, shape, dtype)
    refused(kind, f"{name} must lie in one piece in the file, got none")
