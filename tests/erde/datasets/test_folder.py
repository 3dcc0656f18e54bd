import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from erde.datasets import folder
from erde.datasets.folder import read_folder
from erde.datasets.images import DatasetError

SIZE = (6, 9)  # not square: height and width must not be swapped


@pytest.fixture
def pixels(rng):
    """What ``root`` holds: part → class → images in file order, uint8 (N, 6, 9, 3)."""
    return {
        part: {name: rng.integers(0, 256, (n, *SIZE, 3), np.uint8) for name in ("ox", "ant")}
        for part, n in (("train", 4), ("test", 2))
    }


@pytest.fixture
def root(tmp_path, pixels):
    for part, classes in pixels.items():
        for name, images in classes.items():
            (tmp_path / part / name).mkdir(parents=True)
            for n, image in enumerate(images):
                Image.fromarray(image).save(tmp_path / part / name / f"{n}.png")
    return tmp_path


def refused(root, message):
    with pytest.raises(DatasetError, match=message) as caught:
        read_folder(root, SIZE)
    assert "\n" not in str(caught.value)


def test_images_in_order_of_class_and_file(root, pixels, monkeypatch):
    monkeypatch.setattr(folder, "_BATCH", 3)  # 8 images: batches across the class boundary
    found = read_folder(root, SIZE)
    assert found.class_names == ("ant", "ox")
    for part, split in (("train", found.train), ("test", found.test)):
        expected = np.concatenate([pixels[part]["ant"], pixels[part]["ox"]])
        np.testing.assert_array_equal(split.images, expected)
        assert split.labels.tolist() == [0] * (len(split) // 2) + [1] * (len(split) // 2)
        assert split.group.tolist() == list(range(len(split)))


def test_threads_give_the_same(root, pixels, monkeypatch):
    alone = read_folder(root, SIZE)
    monkeypatch.setattr(folder, "_workers", lambda size: 4)
    monkeypatch.setattr(folder, "_BATCH", 1)
    np.testing.assert_array_equal(read_folder(root, SIZE).train.images, alone.train.images)


@pytest.mark.parametrize("ending", ["bmp", "webp", "PNG"])
def test_other_lossless_formats(root, pixels, ending):
    file = root / "test/ant/0.png"
    Image.open(file).save(file.with_suffix(f".{ending}"), lossless=True)
    if ending != "PNG":
        file.unlink()
    images = read_folder(root, SIZE).test.images
    assert (images == pixels["test"]["ant"][0]).all(axis=(1, 2, 3)).any()


def test_jpeg(root, pixels):
    file = root / "test/ant/0.png"
    Image.open(file).save(file.with_suffix(".jpg"), quality=100, subsampling=0)
    file.unlink()
    error = read_folder(root, SIZE).test.images[0].astype(int) - pixels["test"]["ant"][0]
    assert np.abs(error).mean() < 2


def test_grey_images_have_one_channel(root, pixels):
    for file in root.rglob("*.png"):
        Image.fromarray(np.asarray(Image.open(file))[..., 1]).save(file)
    found = read_folder(root, SIZE)
    assert found.train.images.shape == (8, *SIZE, 1)
    np.testing.assert_array_equal(found.test.images[2:, ..., 0], pixels["test"]["ox"][..., 1])


def test_hidden_files_are_passed_over(root):
    (root / "train/.cache").mkdir()
    (root / "train/ox/.DS_Store").write_bytes(b"")
    assert len(read_folder(root, SIZE).train) == 8


def test_no_such_folder(root):
    shutil.rmtree(root / "test")
    refused(root, "/test: must be a folder of class folders, got no such folder")


def test_one_class(root):
    for part in ("train", "test"):
        shutil.rmtree(root / part / "ox")
    refused(root, "/train: must hold at least 2 class folders, got 1")


def test_empty_class_folder(root):
    (root / "train/bee").mkdir()
    (root / "test/bee").mkdir()
    refused(root, "train/bee: a class folder must hold at least 1 image, got 0")


@pytest.mark.parametrize(("part", "other"), [("train", "test"), ("test", "train")])
def test_classes_that_differ(root, part, other):
    shutil.copytree(root / part / "ox", root / part / "yak")
    refused(root, f"/{other}: must have the class folders of {part}, got no folder 'yak'")


@pytest.mark.parametrize("name", ["notes.txt", "0.tif", "deeper"])
def test_what_is_no_image_file(root, name):
    path = root / "train/ox" / name
    path.mkdir() if name == "deeper" else path.write_bytes(b"x")
    refused(root, f"train/ox/{name}: must be an image file")


def test_all_bad_files_are_named(root):
    for name in ("ant/2", "ox/0", "ox/3"):
        Image.new("RGB", (9, 7)).save(root / f"train/{name}.png")
    each = r".*".join(rf"train/{name}.png: must be 6 x 9 pixels" for name in ("ant/2", "ox/0"))
    refused(root, rf"3 images cannot be used: .*{each}.*train/ox/3.png: must be 6 x 9 .* got 7 x 9")


def test_of_many_bad_files_the_first_20_are_named_and_all_counted(root):
    for n in range(23):
        (root / f"train/ox/bad{n:02d}.png").write_bytes(b"none")
    with pytest.raises(DatasetError, match=r"^23 images cannot be used: .*; and 3 more$") as caught:
        read_folder(root, SIZE)
    assert str(caught.value).count(": must be a whole, readable image") == 20


def test_the_odd_image_is_blamed_and_not_its_neighbour(root):
    """Also where it comes first."""
    Image.new("L", SIZE[::-1]).save(root / "train/ant/0.png")
    refused(root, r"train/ant/0.png: must be colour like most other images, got a grey one")


def test_a_name_that_is_no_text(root):
    broken = os.fsencode(root) + b"/train/ox/\xff.png"
    with open(broken, "wb") as file:
        file.write(b"none")
    refused(root, r"train/ox/\\xff.png: must be a whole, readable image")
    os.rename(broken, os.fsencode(root) + b"/train/\xff.png")
    for part in (b"/train", b"/test"):
        os.mkdir(os.fsencode(root) + part + b"/\xfe")
    refused(root, r"train/\\xfe: must have a name in UTF-8")


def test_a_dangling_link(root):
    (root / "train/ox/9.png").symlink_to(root / "nowhere")
    refused(root, "train/ox/9.png: must be an image file")


def test_grey_among_colour(root):
    Image.new("L", SIZE[::-1]).save(root / "train/ox/1.png")
    refused(root, "train/ox/1.png: must be colour like most other images, got a grey one")


def test_grey_test_images_beside_colour_train_images(root):
    for file in (root / "test").rglob("*.png"):
        Image.new("L", SIZE[::-1]).save(file)
    refused(root, "/test: images must be colour like those of train, got grey images")


def test_names_are_checked_before_any_image_is_decoded(root, monkeypatch):
    (root / "test/ox/notes.txt").write_text("x")
    monkeypatch.setattr(folder, "read_image", None)
    refused(root, "notes.txt: must be an image file")


IN_100_MEGABYTES = """
import resource
import sys
from pathlib import Path

from erde.datasets.class_folders import list_class_folders
from erde.datasets.folder import check_samples
from erde.datasets.folder_settings import FolderSettings

path = sys.argv[1]
settings = FolderSettings(
    name="folder", path=path, image_size=8192, resize="stretch", validation=1
)
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + 10**8
resource.setrlimit(resource.RLIMIT_AS, (most, most))
check_samples(list_class_folders(path), settings, 3)
"""


def test_samples_are_looked_at_in_their_own_size(root):
    """Scaled to ``image_size``, each would take 201 MB."""
    command = [sys.executable, "-c", IN_100_MEGABYTES, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (root / "train/ox/0.png").write_bytes((root / "train/ox/0.png").read_bytes()[:60])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "train/ox/0.png: must be a whole, readable image" in done.stderr
