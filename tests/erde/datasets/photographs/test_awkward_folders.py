"""What people have instead of a tidy folder: each oddity is said in one line, or refused in one."""

import dataclasses
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from erde.datasets.folder import prepare_file, read_folder
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.images import DatasetError
from erde.datasets.photographs.stored import in_memory
from erde.running.job import speaker
from erde_core.store.dataset import read_dataset
from tests.photographs.made import class_folders, generated


def image(seed, size=(20, 16)):
    return generated(np.random.default_rng([seed, 7]), *size)


def tidy(root):
    """Four classes of 12 train and 4 test images; file 00000 is a test image of class0."""
    return class_folders(root, [image(n) for n in range(64)])


def add(root, name, seed=1000, **options):
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    image(seed).save(file, **options)


def copy(root, old, new):
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    (root / new).write_bytes((root / old).read_bytes())


def renamed_train(root):
    (root / "train").rename(root / "Train")


def flat_with_a_table(root):
    for n in range(3):
        add(root, f"flat/{n}.jpg", n)
    (root / "flat/labels.csv").write_text("file,label\n")
    return root / "flat"


def loose_files(root):
    add(root, "train/loose.jpg")
    (root / "README.txt").write_text("flowers")


def hidden_files(root):
    for name in ("train/class0/.DS_Store", "test/class1/Thumbs.db", "train/.cache"):
        (root / name).write_bytes(b"x")


def other_class_case(root):
    (root / "test/class2").rename(root / "test/Class2")


def one_image_in_a_class(root):
    for part in ("train", "test"):
        add(root, f"{part}/rare/1.png", 2000 + len(part))


def many_classes(root):
    for n in range(300):
        for part, count in (("train", 2), ("test", 1)):
            for k in range(count):
                add(root, f"many/{part}/c{n:03d}/{k}.png", 3000 + 10 * n + k + 5 * (part == "test"))
    return root / "many"


def own_val(root):
    for n in range(4):
        add(root, f"val/class{n}/v.png", 4000 + n)


def grouped(root):
    files = sorted(root.glob("train/*/*.png"))
    rows = [f"{file.relative_to(root)},plant{n // 3}" for n, file in enumerate(files)]
    (root / "groups.csv").write_text("\n".join(["file,group", *rows, "train/gone.png,plant0"]))


def wrong_groups(root):
    (root / "groups.csv").write_text("name;plant\n")


# What is done to a tidy folder, keys of the settings, and what is said; "!" marks a refusal.
CASES = {
    "nothing": (
        None,
        {},
        "4 classes, 44 / 4 / 16 train / val / test images; in train each class has 11",
    ),
    "loose files": (
        loose_files,
        {},
        "2 files outside of the class folders (README.txt, train/loose",
    ),
    "nested folders": (
        lambda r: add(r, "train/class0/more/1.png"),
        {},
        "!train/class0/more: must be an image file",
    ),
    "hidden files": (
        hidden_files,
        {},
        "left out: 3 hidden files and folders (test/class1/Thumbs.db",
    ),
    "wrong case": (renamed_train, {}, "!got no such folder but 'Train' (upper and lower case"),
    "other case of a class": (
        other_class_case,
        {},
        "!must have the class folders of train, got no",
    ),
    "flat with a table": (flat_with_a_table, {}, "!3 images in"),
    "twice in train": (
        lambda r: copy(r, "train/class0/00004.png", "train/class0/again.png"),
        {},
        "1 images of train are there again in it (train/class0/00004.png = train/class0/again.png)",
    ),
    "in train and test": (
        lambda r: copy(r, "test/class0/00000.png", "train/class0/leaked.png"),
        {},
        "!1 of 16 test images lie in train or validation too (train/class0/leaked.png = test",
    ),
    "in train and test, kept": (
        lambda r: copy(r, "test/class0/00000.png", "train/class0/leaked.png"),
        {"duplicates": "keep"},
        "1 of 16 test images lie in train or validation too",
    ),
    "in two classes": (
        lambda r: copy(r, "train/class0/00004.png", "train/class1/again.png"),
        {},
        "2 images lie in another class too (train/class0/00004.png = train/class1/again.png)",
    ),
    "one image in a class": (one_image_in_a_class, {}, "1 classes have no val image: rare"),
    "300 classes": (many_classes, {"validation": 300}, "300 classes, 300 / 300 / 300 train"),
    "a val folder that nobody reads": (
        own_val,
        {},
        "left out: 1 folders beside those that are read (val)",
    ),
    "a val folder": (own_val, {"validation": "folder"}, "48 / 4 / 16 train / val / test images"),
    "no val folder": (None, {"validation": "folder"}, "!/val: must be a folder of class folders"),
    "HEIC": (
        lambda r: (r / "train/class0/1.HEIC").write_bytes(b"x"),
        {},
        "!got .HEIC (heif-convert, sips or ImageMagick make a JPEG)",
    ),
    "GIF": (lambda r: add(r, "train/class0/1.gif"), {}, "!got .gif (ImageMagick makes a PNG)"),
    "a dangling link": (
        lambda r: (r / "train/class0/1.png").symlink_to("nowhere"),
        {},
        "!got a link to nothing",
    ),
    "an empty class": (
        lambda r: [(r / p / "new").mkdir() for p in ("train", "test")],
        {},
        "!at least 1 image, got 0",
    ),
    "a grey image": (
        lambda r: image(5).convert("L").save(r / "train/class0/grey.png"),
        {},
        "1 grey images are taken for colour",
    ),
    "several sizes": (
        lambda r: image(6, (40, 9)).save(r / "train/class0/wide.png"),
        {},
        "65 images of 9 … 16 × 20 … 40 pixels become 12 × 12 (resize: crop)",
    ),
    "several sizes, none allowed": (
        lambda r: image(6, (40, 9)).save(r / "train/class0/wide.png"),
        {"resize": "none", "image_size": (16, 20)},
        "!wide.png: must be 16 x 20 pixels (height x width, image_size), got 9 x 40",
    ),
    "groups": (grouped, {"validation": 12}, "groups.csv names 1 files that are not read"),
    "a broken table of groups": (
        wrong_groups,
        {},
        "!must begin with a line that names the columns file and group, got 'name;plant'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_odd_is_said(tmp_path, case):
    change, keys, expected = CASES[case]
    root = tidy(tmp_path)
    root = (change(root) if change else None) or root
    root = root if hasattr(root, "is_dir") else tmp_path
    keys = {"image_size": 12, "resize": "crop", "validation": 4} | keys
    settings = FolderSettings(name="folder", path=str(root), **keys)
    said = []
    if expected.startswith("!"):
        with pytest.raises(DatasetError) as refusal:
            in_memory(settings, False, said.append)
        said = [str(refusal.value)]
    else:
        in_memory(settings, False, said.append)
    matching = [line for line in said if expected.removeprefix("!") in line]
    assert len(matching) == 1, "\n".join(said)
    assert all("\n" not in line for line in said)


def greyed(root, classes):
    for file in root.glob("*/class*/*.png"):
        if int(file.parent.name[-1]) in classes:
            Image.open(file).convert("L").save(file)


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("classes", [(0,), (0, 1), (2, 3), (0, 1, 2)])
def test_grey_is_taken_for_colour_however_many_there_are(tmp_path, resize, classes):
    root, said = tidy(tmp_path), []
    greyed(root, classes)
    settings = FolderSettings(
        name="folder", path=str(root), image_size=12, resize=resize, validation=4
    )
    assert in_memory(settings, False, said.append).train.images.shape[-1] == 3
    assert f"{16 * len(classes)} grey images are taken for colour" in said


@pytest.mark.parametrize("classes", [(0, 1), (2, 3)])
def test_a_tie_of_grey_and_colour_is_no_matter_of_order(tmp_path, classes):
    root = tidy(tmp_path)
    greyed(root, classes)
    for read in (
        lambda: in_memory(
            FolderSettings(name="folder", path=str(root), image_size=(16, 20), validation=4),
            False,
            lambda line: None,
        ),
        lambda: read_folder(root, (16, 20)),
    ):
        with pytest.raises(DatasetError, match=rf"class{classes[0]}/\d+.png: must be colour like"):
            read()


def test_a_tidy_folder_has_two_lines(tmp_path):
    said = []
    settings = FolderSettings(
        name="folder", path=str(tidy(tmp_path)), image_size=12, resize="crop", validation=0.1
    )
    in_memory(settings, True, said.append)
    assert len(said) == 2
    assert said[1].endswith("become 12 × 12 (resize: crop), in train 14 × 14, to be cropped")


def read(root):
    settings = FolderSettings(
        name="folder", path=str(root), image_size=12, resize="crop", validation=12
    )
    return in_memory(settings, False, lambda line: None)


def test_what_was_refused_when_all_was_decoded_goes_on_from_there(tmp_path):
    """Test images that are training images too: who takes them does not decode again."""
    root, said = tidy(tmp_path), []
    shown = next(root.glob("test/class0/*.png"))
    (root / "train/class0/copy.png").write_bytes(shown.read_bytes())
    settings = FolderSettings(
        name="folder", path=str(root), image_size=12, resize="crop", validation=12
    )
    out = (tmp_path / "data.h5", tmp_path / "unfinished", "code")
    with pytest.raises(DatasetError, match="say `duplicates: keep`"):
        prepare_file(settings, False, *out, said.append)
    prepare_file(dataclasses.replace(settings, duplicates="keep"), False, *out, said.append)
    assert not [line for line in said if "made anew" in line]
    assert len(read_dataset(tmp_path / "data.h5").test) == 16


def test_a_name_that_is_no_text_can_be_said(tmp_path):
    """As of a zip from Windows; a log takes text alone."""
    root, log = tidy(tmp_path), io.StringIO()
    shown = next(root.glob("train/class0/*.png")).read_bytes()
    for name in (b"ros\xe9.png", b"lil\xe9.png"):
        Path(os.fsdecode(os.fsencode(root / "train/class1") + b"/" + name)).write_bytes(shown)
    Path(os.fsdecode(os.fsencode(root / "train") + b"/loos\xe9.txt")).touch()
    settings = FolderSettings(
        name="folder", path=str(root), image_size=12, resize="crop", validation=12
    )
    in_memory(settings, False, speaker("data", log))
    said = log.getvalue()
    said.encode("utf-8")
    assert "lil\\xe9.png" in said
    assert "loos\\xe9.txt" in said
