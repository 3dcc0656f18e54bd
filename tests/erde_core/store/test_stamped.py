import fcntl

import h5py
import pytest

from erde_core.store.files import StoreError
from erde_core.store.stamped import get_numbers, get_text, new_stamped, open_stamped, set_text


@pytest.mark.parametrize("text", ["", "plain", "naïve 猫 \n", "x" * 70_000])
def test_texts_in_hdf5(tmp_path, text):
    with new_stamped(tmp_path / "file.h5", "test") as file:
        set_text(file, "note", text)
    with open_stamped(tmp_path / "file.h5", "test") as file:
        assert get_text(file, "note") == text


def test_hdf5_takes_no_lock_of_its_own(tmp_path):
    """Not every file system has any; who writes holds a folder, and puts whole files in place."""
    with new_stamped(tmp_path / "file.h5", "test") as file:
        set_text(file, "note", "text")
    with open(tmp_path / "file.h5", "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with open_stamped(tmp_path / "file.h5", "test") as file:
            assert get_text(file, "note") == "text"
        with new_stamped(tmp_path / "file.h5", "test") as file:
            set_text(file, "note", "other")


@pytest.mark.parametrize("value", [3, 10**12, [1.0], "text of no fixed length"])
def test_another_attribute_is_no_text(tmp_path, value):
    """A number, taken for a count of bytes, would fill the memory."""
    with new_stamped(tmp_path / "file.h5", "test") as file:
        file.attrs["note"] = value
    with open_stamped(tmp_path / "file.h5", "test") as file:
        for name in ("note", "absent"):
            with pytest.raises(StoreError, match=f"file.h5: attribute {name} must be a text, got"):
                get_text(file, name)


@pytest.mark.parametrize("value", [3.0, [1, 2], [[1.0]], "0.5", h5py.Empty("f8")])
def test_another_attribute_is_no_row_of_numbers(tmp_path, value):
    with new_stamped(tmp_path / "file.h5", "test") as file:
        file.attrs["mean"] = value
    with (
        open_stamped(tmp_path / "file.h5", "test") as file,
        pytest.raises(StoreError, match="attribute mean must be float64 with 1 axis"),
    ):
        get_numbers(file, "mean")
