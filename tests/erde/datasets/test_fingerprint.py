"""A change of the files is seen, and nothing else is."""

import dataclasses
import json
import os

import pytest

from erde.datasets.cifar import CifarSettings
from erde.datasets.digits import DigitsSettings
from erde.datasets.fingerprint import (
    folder_fingerprint,
    images_identity,
    record_identity,
    recorded_identity,
)
from erde.datasets.folder import FolderSettings
from erde.datasets.images import DatasetError


def settings(path, validation=1):
    return FolderSettings(name="folder", path=str(path), image_size=(4, 4), validation=validation)


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


def test_the_rule_by_which_groups_are_held_out_counts_where_it_is_used(root):
    """Else data whose groups an older rule held out would pass as made by this one."""
    assert folder_fingerprint(root) == "0f5720c92ce3bb96"  # without groups nothing has changed
    (root / "groups.csv").write_text("file,group\ntrain/cat/1.png,a\n")
    assert folder_fingerprint(root) != "ae4581fe0fba825b"  # of the rule that left large ones out
    (root / "val/cat").mkdir(parents=True)
    assert folder_fingerprint(root, ("train", "val", "test")) == "ae4581fe0fba825b"


@pytest.mark.parametrize("hide", ["nothing", "empty", "empty parts"])
def test_a_folder_that_cannot_be_read_has_not_changed(root, tmp_path, hide):
    """Unmounted: gone, or empty mount points, of the whole folder or of each part."""
    results, images = tmp_path / "results", tmp_path / "images"
    images.mkdir()
    for part in ("train", "test"):
        (root / part).rename(images / part)
    source, said = settings(images), []
    identity = images_identity(source, tmp_path, results, said.append)
    results.mkdir()
    (results / "data.h5").touch()
    record_identity(source, results, identity)
    images.rename(tmp_path / "away")
    if hide == "empty":
        images.mkdir()
    elif hide == "empty parts":
        for part in ("train", "test"):
            (images / part).mkdir(parents=True)
    assert images_identity(source, tmp_path, results, said.append) == identity
    assert len(said) == 1
    assert "cannot be read" in said[0]
    (results / "data.h5").unlink()
    with pytest.raises(DatasetError, match=r"images.*: cannot be read"):
        images_identity(source, tmp_path, results, said.append)


def test_a_record_of_other_settings_or_a_damaged_one_is_none(root, tmp_path):
    (tmp_path / "data.h5").touch()
    record_identity(settings(root), tmp_path, "0" * 16)
    assert recorded_identity(settings(root), tmp_path) == "0" * 16
    assert recorded_identity(settings(root, validation=2), tmp_path) is None
    for damage in ("", "{", "[]", "{}", '{"dataset": 3}'):
        (tmp_path / "images.json").write_text(damage)
        assert recorded_identity(settings(root), tmp_path) is None
    record_identity(settings(root), tmp_path, None)
    assert not (tmp_path / "images.json").exists()


def test_a_record_from_before_a_key_holds_while_the_key_has_its_default(root, tmp_path):
    (tmp_path / "data.h5").touch()
    record_identity(settings(root), tmp_path, "0" * 16)
    record = json.loads((tmp_path / "images.json").read_text())
    del record["dataset"]["split_seed"], record["dataset"]["duplicates"]
    (tmp_path / "images.json").write_text(json.dumps(record))
    assert recorded_identity(settings(root), tmp_path) == "0" * 16
    other = dataclasses.replace(settings(root), split_seed=1)
    assert recorded_identity(other, tmp_path) is None
    record["dataset"]["gone"] = 1
    (tmp_path / "images.json").write_text(json.dumps(record))
    assert recorded_identity(settings(root), tmp_path) is None


def test_what_nobody_reads_is_no_change(root):
    before = folder_fingerprint(root)
    for name in ("train/cat/.DS_Store", "train/cat/Thumbs.db", "train/.cache/1.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"left behind")
    assert folder_fingerprint(root) == before


def test_a_name_that_is_no_text_is_a_change_like_others(root):
    before = folder_fingerprint(root)
    with open(os.fsencode(root) + b"/train/cat/\xff.png", "wb"):
        pass
    assert folder_fingerprint(root) != before


@pytest.mark.parametrize(
    "name", ["train/cat/1.png", "train/cat", "test", "groups.csv", "train/dog/1.png"]
)
def test_a_link_to_a_disk_that_is_away_has_not_changed(root, tmp_path, name):
    """Of an image, a class, a part or the groups: never as if it were not there."""
    images, disk, results, said = tmp_path / "images", tmp_path / "disk", tmp_path / "out", []
    for folder in (images, disk, results):
        folder.mkdir()
    for part in ("train", "test"):
        (root / part).rename(images / part)
    (images / "groups.csv").write_text("file,group\ntrain/cat/1.png,a\n")
    (images / name).rename(disk / "it")
    (images / name).symlink_to(disk / "it")
    source = settings(images)
    identity = images_identity(source, tmp_path, results, said.append)
    (results / "data.h5").touch()
    record_identity(source, results, identity)
    disk.rename(tmp_path / "unmounted")
    assert not said
    assert images_identity(source, tmp_path, results, said.append) == identity
    assert len(said) == 1
    assert f"{images / name}: cannot be read (" in said[0]
    (results / "data.h5").unlink()
    with pytest.raises(DatasetError, match="cannot be read"):
        images_identity(source, tmp_path, results, said.append)


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        folder_fingerprint(tmp_path / "none")


def test_others_have_no_identity(tmp_path):
    digits = DigitsSettings(name="digits")
    assert images_identity(digits, tmp_path, tmp_path, pytest.fail) is None


def test_the_decoder_of_lossy_files_counts_where_it_stands_nowhere_else(
    root, tmp_path, monkeypatch
):
    """PNG has one content, whoever decodes it."""
    (tmp_path / "cifar10").mkdir()
    for part in ("train", "test"):
        (root / part).rename(tmp_path / "cifar10" / part)

    def identities():
        kinds = CifarSettings(name="cifar10"), settings(tmp_path / "cifar10")
        return [images_identity(one, tmp_path, tmp_path / "results", pytest.fail) for one in kinds]

    def of_another_pillow():
        with monkeypatch.context() as patch:
            patch.setattr("PIL.__version__", "0")
            return identities()

    assert of_another_pillow() == identities() == ["0f5720c92ce3bb96"] * 2
    first = tmp_path / "cifar10/train/cat/1.png"
    first.rename(first.with_suffix(".jpeg"))
    (cifar, own), (other_cifar, other_own) = identities(), of_another_pillow()
    assert cifar != other_cifar
    assert own == other_own  # the version is a parameter of the job of its own
