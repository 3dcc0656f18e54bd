"""erde init: what it writes for a folder of any images is an experiment that erde check accepts."""

import itertools
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

from erde.experiment.schema import read_experiment
from tests.erde.commands.test_commands import call
from tests.erde.datasets.test_image_file import claimed

TURNED = 6  # an EXIF orientation that swaps height and width


def folder_of(root, sizes, turned=()):
    """Two classes of 12 and 2 images, of the (height, width) of ``sizes`` in turn, as stored; of
    every image whose number modulo 2 is in ``turned`` EXIF says that it lies on its side."""
    rng, numbers = np.random.default_rng(0), itertools.count()
    for part, count in (("train", 12), ("test", 2)):
        for name in ("cat", "dog"):
            (root / part / name).mkdir(parents=True)
            for n in range(count):
                number, exif = next(numbers), Image.Exif()
                if number % 2 in turned:
                    exif[0x0112] = TURNED
                pixels = rng.integers(0, 256, (*sizes[number % len(sizes)], 3), np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{n}.png", exif=exif)
    return root


FOLDERS = {
    "small": ([(20, 24)], (), (20, 24)),
    "as small as is taken": ([(8, 8)], (), (8, 8)),
    "too small for a network": ([(4, 4)], (), "crop 32"),
    "long and thin": ([(6, 64)], (), "crop 32"),
    "small, all turned": ([(32, 48)], (0, 1), (48, 32)),
    "small, every second one turned": ([(32, 48)], (0,), "crop 32"),
    "upright all alike": ([(32, 48), (48, 32)], (1,), (32, 48)),
    "small and mixed": ([(40, 50), (48, 60), (60, 44)], (), "crop 40"),
    "of one size, a little larger": ([(65, 65)], (), "crop 64"),
    "one long side": ([(32, 65)], (), "crop 32"),
    "short sides below 96": ([(80, 100)], (), "crop 64"),
    "small and large": ([(20, 24), (150, 180)], (), "crop 128"),
    "large": ([(120, 90), (200, 170), (100, 130)], (0,), "crop 96"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_check_accepts_what_init_writes(kind, tmp_path, monkeypatch):
    sizes, turned, wanted = FOLDERS[kind]
    monkeypatch.chdir(tmp_path)
    call("init", folder_of(tmp_path / "mine", sizes, turned))
    found = read_experiment("mine.yaml")
    if isinstance(wanted, str):
        side = int(wanted.removeprefix("crop "))
        assert (found.dataset.resize, found.dataset.size) == ("crop", (side, side))
        assert found.augment.crops is not None
    else:
        assert (found.dataset.resize, found.dataset.size) == ("none", wanted)
        assert found.augment.crops is None
    assert call("check", "mine.yaml") == 0


def test_one_larger_image_that_no_sample_holds_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("erde.commands.init._SAMPLES", 4)
    monkeypatch.chdir(tmp_path)
    folder = folder_of(tmp_path / "mine", [(20, 24)])
    Image.new("RGB", (30, 20)).save(folder / "train/cat/1.png")
    call("init", folder)
    assert read_experiment("mine.yaml").dataset.resize == "crop"
    call("check", "mine.yaml")


def test_what_it_says_of_the_sizes_is_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call("init", folder_of(tmp_path / "mine", [(100, 80), (90, 300), (70, 75)]))
    assert (
        "image_size: 64  # pixels of both sides; larger takes longer (median short side: 80)"
        in ((tmp_path / "mine.yaml").read_text("utf-8"))
    )


def test_an_image_that_cannot_be_used_is_named(tmp_path):
    folder = folder_of(tmp_path / "mine", [(20, 24)])
    (folder / "train/cat/0.png").write_bytes(claimed(20_000, 15_000))
    with pytest.raises(ValueError, match=r"cat/0\.png: must have at most 268\.4 megapixels"):
        call("init", folder, "--output", tmp_path / "x.yaml")
    assert not (tmp_path / "x.yaml").exists()


def test_a_folder_whose_name_is_no_text_leaves_nothing_behind(tmp_path):
    """In a process of its own, whose file names are bytes."""
    folder_of(tmp_path / "mine", [(20, 24)])
    named = os.fsencode(tmp_path) + b"/\xff\xfe"
    shutil.move(os.fsencode(tmp_path / "mine"), named)
    command = [sys.executable, "-m", "erde.cli", "init", named, "--output", "x.yaml"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2
        wanted = f"erde: error: {tmp_path}/\\xff\\xfe: must have a name in UTF-8\n"
        assert done.stderr == wanted
        assert not (tmp_path / "x.yaml").exists()


@pytest.mark.parametrize("name", ["a\u2028b", "a\x85b", "a\nb: c", 'a"b\\', "a\U0001f33eb\x7f"])
def test_a_name_with_marks_that_end_a_line_is_written_so_that_it_is_read_back(
    name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    folder = folder_of(tmp_path / name, [(20, 24)])
    call("init", folder, "--output", "mine.yaml")
    assert yaml.safe_load((tmp_path / "mine.yaml").read_text("utf-8"))["dataset"]["path"] == str(
        folder
    )


def test_nothing_is_left_where_the_writing_ends_half_way(tmp_path, monkeypatch):
    def interrupted(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("erde.experiment.schema.read_experiment", interrupted)
    folder = folder_of(tmp_path / "mine", [(20, 24)])
    with pytest.raises(KeyboardInterrupt):
        call("init", folder, "--output", tmp_path / "x.yaml")
    assert not (tmp_path / "x.yaml").exists()
