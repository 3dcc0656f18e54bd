import dataclasses

import h5py
import numpy as np
import pytest

from erde_core.store.exit_logits import read_exit_logits, read_networks, write_exit_logits
from erde_core.store.files import StoreError
from erde_core.store.stamped import set_text


def test_round_trip(tmp_path, exit_logits):
    write_exit_logits(tmp_path / "exits.h5", exit_logits)
    found = read_exit_logits(tmp_path / "exits.h5")
    for name in ("val", "test"):
        for column in ("logits", "labels", "group"):
            wanted = getattr(getattr(exit_logits, name), column)
            array = getattr(getattr(found, name), column)
            np.testing.assert_array_equal(array, wanted)
            assert array.dtype == wanted.dtype
    np.testing.assert_array_equal(found.macs, exit_logits.macs)
    assert (found.dataset, found.network) == (exit_logits.dataset, exit_logits.network)


@pytest.mark.parametrize("field", ["dataset", "network"])
def test_names_are_under_the_seal(tmp_path, exit_logits, field):
    write_exit_logits(tmp_path / "exits.h5", exit_logits)
    with h5py.File(tmp_path / "exits.h5", "r+") as file:
        del file.attrs[field]
        set_text(file, field, "e" * 64)
    with pytest.raises(StoreError, match=r"exits.h5: content must have SHA-256"):
        read_exit_logits(tmp_path / "exits.h5")


def test_one_network_under_two_seeds_is_refused(tmp_path, exit_logits):
    other = dataclasses.replace(exit_logits, network="m" * 64)
    for name, exits in (("a", exit_logits), ("copy", exit_logits), ("b", other)):
        write_exit_logits(tmp_path / f"{name}.h5", exits)
    read = read_networks([("kd", 0), ("kd", 1)], [tmp_path / "a.h5", tmp_path / "b.h5"])
    assert [exits.network[0] for exits in read.values()] == ["n", "m"]
    # Two settings may mean the same training, and then end in the same weights.
    read_networks([("kd", 0), ("masked_kd", 0)], [tmp_path / "a.h5", tmp_path / "copy.h5"])
    rule = "kd/seed1 must be another network than kd/seed0, got the weights nnnnnnnnnnnn for both"
    with pytest.raises(StoreError, match=rule):
        read_networks([("kd", 0), ("kd", 1)], [tmp_path / "a.h5", tmp_path / "copy.h5"])


WITH_NAN = np.zeros((4, 2, 3), np.float32)
WITH_NAN[2, 1, 0] = np.nan
BROKEN = {
    "labels must lie in 0 … 2, got 3": {"labels": np.array([0, 1, 2, 3])},
    r"val labels must have shape \(4,\)": {"labels": np.array([0, 1])},
    "logits must have 3 axes": {"logits": np.zeros((4, 3), np.float32)},
    "val logits must be float32": {"logits": np.zeros((4, 2, 3))},
    "val logits must be numbers, got NaN for image 2": {"logits": WITH_NAN},
    r"val group must have shape \(4,\) and be int64": {"group": np.arange(3)},
    "val and test must have the same exits and classes": {
        "logits": np.zeros((4, 2, 5), np.float32)
    },
    "logits must be a floating-point array": {"logits": np.zeros((4, 2, 3), np.int64)},
    r"macs must have shape \(3,\)": {"logits": np.zeros((4, 3, 3), np.float32)},
}


@pytest.mark.parametrize("rule", BROKEN)
def test_broken_rules_leave_no_file(tmp_path, exit_logits, rule):
    broken = dataclasses.replace(
        exit_logits, val=dataclasses.replace(exit_logits.val, **BROKEN[rule])
    )
    with pytest.raises(ValueError, match=rule):
        write_exit_logits(tmp_path / "exits.h5", broken)
    assert not list(tmp_path.iterdir())


def test_falling_macs_are_refused(tmp_path, exit_logits):
    broken = dataclasses.replace(exit_logits, macs=np.array([90, 30]))
    with pytest.raises(ValueError, match="macs must be >= 0 and never decrease"):
        write_exit_logits(tmp_path / "exits.h5", broken)


def test_the_precision_of_the_training_is_noted_under_the_seal(tmp_path, exit_logits):
    """A file from before it was noted is read as before."""
    write_exit_logits(tmp_path / "old.h5", exit_logits)
    with h5py.File(tmp_path / "old.h5") as file:
        assert "trained" not in file.attrs
    assert read_exit_logits(tmp_path / "old.h5").trained == ""
    for precision in ("float32", "bf16"):
        exits = dataclasses.replace(exit_logits, trained=precision)
        write_exit_logits(tmp_path / "new.h5", exits)
        assert read_exit_logits(tmp_path / "new.h5").trained == precision
    with h5py.File(tmp_path / "new.h5", "r+") as file:
        del file.attrs["trained"]
    with pytest.raises(StoreError, match="content must have SHA-256"):
        read_exit_logits(tmp_path / "new.h5")
    with pytest.raises(
        ValueError, match="trained must be one of 'float32', 'bf16', 'mixed', '', got 'fp8'"
    ):
        write_exit_logits(tmp_path / "x.h5", dataclasses.replace(exit_logits, trained="fp8"))


def test_int8_is_noted_under_the_seal_and_float32_as_before(tmp_path, exit_logits):
    in_8_bits = dataclasses.replace(exit_logits, precision="int8")
    write_exit_logits(tmp_path / "float32.h5", exit_logits)
    write_exit_logits(tmp_path / "int8.h5", in_8_bits)
    assert read_exit_logits(tmp_path / "float32.h5").precision == "float32"
    assert read_exit_logits(tmp_path / "int8.h5").precision == "int8"
    with h5py.File(tmp_path / "float32.h5") as file:
        assert "precision" not in file.attrs
    with h5py.File(tmp_path / "int8.h5", "r+") as file:
        del file.attrs["precision"]
    with pytest.raises(StoreError, match="content must have SHA-256"):
        read_exit_logits(tmp_path / "int8.h5")
    with pytest.raises(ValueError, match="precision must be one of 'float32', 'int8', got 'bf16'"):
        write_exit_logits(tmp_path / "x.h5", dataclasses.replace(exit_logits, precision="bf16"))
