import hashlib

import numpy as np
import pytest
from scipy.io import savemat
from torchvision.datasets import SVHN

from erde.datasets.images import DatasetError
from erde.datasets.svhn import read_svhn


@pytest.fixture
def content(rng):
    def part(count):
        images = rng.integers(0, 256, (32, 32, 3, count), np.uint8)
        return {"X": images, "y": np.arange(1, count + 1, dtype=np.uint8)[:, None]}

    return {"train": part(10), "test": part(2)}


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Write MATLAB 5 files under their original names, with the checksums torchvision's way."""

    def published(content, cut=None):
        entries = {}
        for part, arrays in content.items():
            path = tmp_path / f"{part}_32x32.mat"
            savemat(path, arrays, format="5", do_compression=True)
            path.write_bytes(path.read_bytes()[:cut])
            md5 = hashlib.md5(path.read_bytes()).hexdigest()
            entries[part] = [f"http://host.invalid/{path.name}", path.name, md5]
        monkeypatch.setattr(SVHN, "split_list", entries)
        return tmp_path

    return published


def refused(root, message):
    with pytest.raises(DatasetError, match=message) as caught:
        read_svhn(root)
    assert "\n" not in str(caught.value)


def test_images_and_digits(content, publish):
    found = read_svhn(publish(content))
    assert found.train.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    assert found.test.labels.tolist() == [1, 2]
    assert found.test.images.shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(found.train.images[7], content["train"]["X"][..., 7])
    assert found.train.images.flags.c_contiguous
    assert found.class_names == tuple("0123456789")


def test_a_single_image_keeps_its_axis(content, publish):
    content["test"] = {"X": content["test"]["X"][..., :1], "y": np.array([[10]])}
    found = read_svhn(publish(content))
    assert found.test.images.shape == (1, 32, 32, 3)
    assert found.test.labels.tolist() == [0]


def test_wrong_checksum(content, publish):
    root = publish(content)
    (root / "test_32x32.mat").write_bytes(b"MATLAB 5.0")
    refused(root, "test_32x32.mat: must have MD5 ")


@pytest.mark.parametrize("cut", [0, 60, 140, -1000])
def test_truncated(content, publish, cut):
    refused(publish(content, cut), "train_32x32.mat: must (be a whole MATLAB 5 file|hold uint8 X)")


BROKEN = {
    "no X": ({"X": None}, r"must hold uint8 X \(32, 32, 3, N\), got nothing"),
    "float X": ({"X": np.ones((32, 32, 3, 2))}, r"got float64 \(32, 32, 3, 2\)"),
    "other size": ({"X": np.zeros((28, 28, 3, 2), np.uint8)}, r"got uint8 \(28, 28, 3, 2\)"),
    "no y": ({"y": None}, r"must hold y \(2, 1\), got nothing"),
    "missing y": ({"y": np.array([[1]])}, r"must hold y \(2, 1\), got .*\(1, 1\)"),
    "y 0": ({"y": np.array([[1], [0]])}, "y must lie in 1 … 10, got 0"),
    "y 11": ({"y": np.array([[11], [1]])}, "y must lie in 1 … 10, got 11"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_not_the_published_format(content, publish, case):
    change, message = BROKEN[case]
    test = {key: value for key, value in (content["test"] | change).items() if value is not None}
    refused(publish(content | {"test": test}), f"test_32x32.mat: .*{message}")


def test_missing_without_network(content, publish):
    root = publish(content)
    for part in ("train", "test"):
        (root / f"{part}_32x32.mat").unlink()
    message = f"train_32x32.mat and test_32x32.mat must be in the folder {root}"
    refused(root, message)
