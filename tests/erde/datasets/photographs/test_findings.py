"""What is said of copies, of groups and of names counts what there is, in a line of its size."""

import shutil
import unicodedata

import pytest

from erde.datasets.folder_settings import FolderSettings
from erde.datasets.images import DatasetError
from erde.datasets.photographs.listed import list_photographs
from erde.datasets.photographs.stored import in_memory
from tests.erde.datasets.photographs.test_awkward_folders import copy, own_val, tidy


def settings(root, **keys):
    keys = {"image_size": 12, "resize": "crop", "validation": 4} | keys
    return FolderSettings(name="folder", path=str(root), **keys)


def said_of(root, **keys):
    said = []
    in_memory(settings(root, **keys), False, said.append)
    return said


def copies(root, part, count):
    """``count`` copies of one training image in a folder of class0."""
    for n in range(count):
        copy(root, "train/class0/00004.png", f"{part}/class0/copy{n:03d}.png")


def test_all_validation_images_that_lie_in_train_are_counted_and_what_they_do_is_said(tmp_path):
    root = tidy(tmp_path)
    own_val(root)
    copies(root, "val", 7)
    copy(root, "train/class1/00021.png", "val/class1/other.png")
    (said,) = (s for s in said_of(root, validation="folder") if "lie in train too" in s)
    assert said.startswith(
        "8 of 12 validation images lie in train too "
        "(train/class0/00004.png = val/class0/copy000.png; "
    )
    assert "promise too much; remove the copies" in said


def test_the_names_of_many_copies_fit_a_line(tmp_path):
    root = tidy(tmp_path)
    copies(root, "train", 150)
    for n in range(20):
        copy(root, "train/class1/00021.png", f"test/class2/copy{n:03d}.png")
    said = said_of(root, duplicates="keep", validation=40)
    assert [line for line in said if "images of train are there again in it" in line]
    assert any("20 of 36 test images lie in train or validation too" in line for line in said)
    assert any(line.startswith("21 images lie in another class too") for line in said)
    assert max(map(len, said)) < 300


def test_without_groups_nothing_is_said_of_them(tmp_path):
    """Images of ``train/`` and ``val/`` are numbered apart: equal numbers are not one group."""
    root = tidy(tmp_path)
    own_val(root)
    assert not [s for s in said_of(root, validation="folder") if "groups" in s]
    (root / "groups.csv").write_text("file,group\nval/class0/v.png,a\nval/class1/v.png,a\n")
    assert (
        "50 % of the validation images lie in groups of several images, 0 % of those of train"
        in said_of(root, validation="folder")
    )


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("Rose", "rose"), "'Rose', 'rose'"),
        (
            tuple(unicodedata.normalize(form, "Café") for form in ("NFD", "NFC")),
            r"'Cafe\u0301', 'Caf\xe9'",
        ),
    ],
)
def test_classes_that_look_alike_are_said(tmp_path, names, shown):
    root = tidy(tmp_path)
    for part in ("train", "test"):
        for old, new in zip(("class0", "class1"), names, strict=True):
            (root / part / old).rename(root / part / new)
    said = list_photographs(settings(root)).findings
    assert [line for line in said if line.startswith("2 classes are told apart by upper")] == [
        f"2 classes are told apart by upper and lower case or by the encoding of their letters "
        f"alone: {shown}"
    ]


def linked(root, away, name):
    """Move what is called ``name`` to another disk, and put a link in its place."""
    (away / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(root / name, away / name)
    (root / name).symlink_to(away / name)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ("train/class1", "test/class1"),
            r"train/class1: must be a class folder, got a link to nothing",
        ),
        (("groups.csv",), r"groups\.csv: cannot be read: No such file or directory"),
        (("train",), r"/train: must be a folder .*, got no such folder but a link to nothing"),
    ],
)
def test_what_lies_on_a_disk_that_is_away_is_not_passed_over(tmp_path, names, words):
    root = tidy(tmp_path / "images")
    (root / "groups.csv").write_text("file,group\ntrain/class0/00004.png,a\n")
    for name in names:
        linked(root, tmp_path / "disk", name)
    assert len(list_photographs(settings(root)).classes) == 4
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    with pytest.raises(DatasetError, match=words):
        list_photographs(settings(root))
