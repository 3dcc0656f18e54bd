"""The table groups.csv: what shows the same stays together."""

import numpy as np
import pytest

from erde.datasets.folder import prepare_file
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.images import DatasetError
from erde.datasets.photographs import stored
from erde.datasets.photographs.listed import list_photographs
from erde_core.store.dataset import read_dataset
from tests.erde.datasets.photographs.test_awkward_folders import grouped, own_val, read, tidy


def assert_same_groups(found, wanted):
    for split in ("train", "val", "test"):
        np.testing.assert_array_equal(getattr(found, split).group, getattr(wanted, split).group)


def test_groups_are_not_torn_apart(tmp_path):
    root = tidy(tmp_path)
    grouped(root)
    found = read(root)
    assert len(found.val) > 0
    assert not set(found.train.group) & set(found.val.group)
    assert len(set(found.val.group)) * 3 == len(found.val)
    assert len(set(found.test.group)) == len(found.test)  # of those without a line, each its own
    assert not set(found.test.group) & set(found.train.group)


def test_without_a_group_an_image_stands_alone_and_blanks_around_a_name_are_none(tmp_path):
    """As spreadsheets leave cells empty."""
    root = tidy(tmp_path)
    grouped(root)
    wanted = read(root)
    lines = (root / "groups.csv").read_text().splitlines()
    lines[1] = lines[1].replace(",", " , ")
    lines += [f"{file.relative_to(root)}," for file in sorted(root.glob("test/*/*.png"))]
    (root / "groups.csv").write_text("\n".join(lines))
    assert_same_groups(read(root), wanted)


def test_a_table_as_others_write_it(tmp_path):
    """Columns in another order and more of them, paths of Windows, an empty line at the end."""
    root = tidy(tmp_path)
    grouped(root)
    wanted = read(root)
    rows = [line.split(",") for line in (root / "groups.csv").read_text().splitlines()[1:]]
    lines = [f"{group},x,{file.replace('/', chr(92))}" for file, group in rows]
    (root / "groups.csv").write_text("\r\n".join(["group, note, file", *lines, "", ""]))
    assert_same_groups(read(root), wanted)


def test_a_table_that_names_none_of_the_images_is_refused(tmp_path):
    """Else every image would stand alone, as if there were no table."""
    root = tidy(tmp_path)
    grouped(root)
    text = (root / "groups.csv").read_text().replace("train/", "photos/train/")
    (root / "groups.csv").write_text(text)
    with pytest.raises(
        DatasetError, match=r"must name files as t\w+/class0/\S+, below .* got none"
    ):
        read(root)


def test_groups_that_change_make_an_unfinished_data_set_anew(tmp_path, monkeypatch):
    root, said = tidy(tmp_path), []
    own_val(root)
    settings = FolderSettings(
        name="folder", path=str(root), image_size=12, resize="crop", validation="folder"
    )
    out = (tmp_path / "data.h5", tmp_path / "unfinished", "code")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stored, "check_duplicates", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare_file(settings, False, *out, said.append)
    grouped(root)
    prepare_file(settings, False, *out, said.append)
    assert "the unfinished data set is of other images or settings and is made anew" in said
    found = read_dataset(tmp_path / "data.h5")
    assert len(set(found.train.group)) * 3 == len(found.train)


def findings(root, rows, validation=8):
    (root / "groups.csv").write_text("\n".join(["file,group", *rows]))
    settings = FolderSettings(name="folder", path=str(root), image_size=12, validation=validation)
    return list_photographs(settings).findings


def test_how_many_are_held_out_and_how_many_of_them_lie_in_groups_is_said(tmp_path):
    """12 images a class: ten of one group, which is too large to be held out, and two alone."""
    root = tidy(tmp_path)
    files = sorted(file.relative_to(root) for file in root.glob("train/*/*.png"))
    large = [f"{file},{file.parent.name}" for n, file in enumerate(files) if n % 12 < 10]
    said = findings(root, large)
    assert (
        "0 % of the validation images lie in groups of several images, 100 % of those of train"
        in said
    )
    assert not any("groups stay together" in sentence for sentence in said)
    threes = [f"{file},{n // 3}" for n, file in enumerate(files)]
    said = findings(root, threes)
    assert any(f"groups stay together: {n} validation images instead of 8" in said for n in (6, 9))
    assert not any("lie in groups of several images" in sentence for sentence in said)


def test_large_groups_are_held_out_of_a_folder_too(tmp_path):
    """Half of the images in groups of three, which the share of a class leaves room for or not."""
    root = tidy(tmp_path)
    files = sorted(file.relative_to(root) for file in root.glob("train/*/*.png"))
    rows = [f"{file},{n // 3}" for n, file in enumerate(files) if n % 12 < 6]
    (root / "groups.csv").write_text("\n".join(["file,group", *rows]))
    held = []
    for seed in range(40):
        settings = FolderSettings(
            name="folder", path=str(root), image_size=12, validation=8, split_seed=seed
        )
        held += [n for n in np.bincount(list_photographs(settings).splits["val"].group) if n]
    assert 0.4 < 3 * held.count(3) / sum(held) < 0.6
