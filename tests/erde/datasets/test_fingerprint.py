"""A change of the files is seen, and nothing else is."""

import os

import pytest

from erde.datasets.fingerprint import folder_fingerprint


@pytest.fixture
def root(tmp_path):
    for name in ("train/cat/1.png", "train/dog/1.png", "test/cat/1.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"image")
        os.utime(path, (1, 1))
    return tmp_path


CHANGES = {
    "added": lambda root: (root / "train/cat/2.png").write_bytes(b""),
    "removed": lambda root: (root / "test/cat/1.png").unlink(),
    "moved": lambda root: (root / "train/cat/1.png").rename(root / "train/dog/2.png"),
    "longer": lambda root: (root / "train/cat/1.png").write_bytes(b"other image"),
    "rewritten": lambda root: os.utime(root / "train/cat/1.png", (2, 2)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_the_files_is_seen(root, change):
    before = folder_fingerprint(root)
    assert folder_fingerprint(root) == before
    CHANGES[change](root)
    assert folder_fingerprint(root) != before


def test_what_is_no_image_of_a_split_does_not_count(root):
    before = folder_fingerprint(root)
    (root / "notes.txt").write_text("nothing")
    assert folder_fingerprint(root) == before


def test_no_folder(tmp_path):
    assert folder_fingerprint(tmp_path / "none") is None
