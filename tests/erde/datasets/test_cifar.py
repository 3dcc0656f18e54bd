import hashlib
import io
import os
import tarfile

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image

from erde.datasets import cifar
from erde.datasets.cifar import CifarSettings, prepare, read_cifar, read_class_folders
from erde.datasets.images import DatasetError

CLASSES = {"cifar10": torchvision.datasets.CIFAR10, "cifar100": torchvision.datasets.CIFAR100}
FILES = {
    "cifar10": ([f"data_batch_{n}" for n in range(1, 6)], "test_batch", "batches.meta"),
    "cifar100": (["train"], "test", "meta"),
}
MALICIOUS = b"\x80\x02cposix\nsystem\nU\x04trueR."


def md5(data):
    return hashlib.md5(data).hexdigest()


def batch(name, count, rng):
    labels = rng.integers(0, 10, count).tolist()
    data = rng.integers(0, 256, (count, 3072), np.uint8)
    if name == "cifar10":
        return {"batch_label": "training batch", "labels": labels, "data": data}
    return {"fine_labels": labels, "coarse_labels": [0] * count, "data": data}


@pytest.fixture(params=["cifar10", "cifar100"])
def name(request):
    return request.param


@pytest.fixture
def batches(name, rng):
    train, test, meta = FILES[name]
    names = [f"thing {n}" for n in range(10)]
    key = "label_names" if name == "cifar10" else "fine_label_names"
    return {
        **{file: batch(name, 4, rng) for file in train},
        test: batch(name, 3, rng),
        meta: {key: names, "coarse_label_names": ["all"]},
    }


@pytest.fixture
def publish(name, python2_dumps, tmp_path, monkeypatch):
    """Put batches under their original names, and their checksums where torchvision keeps them."""
    kind = CLASSES[name]
    train, test, meta = FILES[name]

    def published(batches, extracted=False, cut=None):
        contents = {
            file: value if isinstance(value, bytes) else python2_dumps(value)
            for file, value in batches.items()
        }
        sums = {file: md5(data) for file, data in contents.items()}
        monkeypatch.setattr(kind, "train_list", [[file, sums[file]] for file in train])
        monkeypatch.setattr(kind, "test_list", [[test, sums[test]]])
        monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": sums[meta]})
        if extracted:
            (tmp_path / kind.base_folder).mkdir()
            for file, data in contents.items():
                (tmp_path / kind.base_folder / file).write_bytes(data)
            return tmp_path
        archive = tmp_path / kind.filename
        with tarfile.open(archive, "w:gz") as tar:
            for file, data in contents.items():
                member = tarfile.TarInfo(f"{kind.base_folder}/{file}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        archive.write_bytes(archive.read_bytes()[:cut])
        monkeypatch.setattr(kind, "tgz_md5", md5(archive.read_bytes()))
        return tmp_path

    return published


def refused(name, root, message):
    with pytest.raises(DatasetError, match=message) as caught:
        read_cifar(name, root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("extracted", [False, True])
def test_images_labels_and_names(name, batches, publish, extracted):
    root = publish(batches, extracted)
    before = sorted(root.rglob("*"))
    found = read_cifar(name, root)
    key = "labels" if name == "cifar10" else "fine_labels"
    train = [batches[file] for file in FILES[name][0]]
    assert found.train.labels.tolist() == [label for b in train for label in b[key]]
    assert found.test.labels.tolist() == batches[FILES[name][1]][key]
    assert found.class_names == tuple(f"thing {n}" for n in range(10))
    assert found.train.group.tolist() == list(range(len(train) * 4))
    row = train[-1]["data"][-1]
    assert found.train.images.shape == (len(train) * 4, 32, 32, 3)
    assert found.train.images.flags.c_contiguous
    # The red of row 2, column 5 stands at 2 · 32 + 5 of a batch's row, the blue 2048 further on.
    assert found.train.images[-1, 2, 5, 0] == row[2 * 32 + 5]
    assert found.train.images[-1, 2, 5, 2] == row[2048 + 2 * 32 + 5]
    assert sorted(root.rglob("*")) == before


def test_an_archive_with_another_checksum_is_not_opened(name, batches, publish):
    root = publish(batches)
    archive = root / CLASSES[name].filename
    archive.write_bytes(archive.read_bytes() + b"\0")
    refused(name, root, rf"{archive.name}: must have MD5 {CLASSES[name].tgz_md5}, got ")
    assert archive.exists()


def test_an_extracted_batch_with_another_checksum_is_refused(name, batches, publish):
    root = publish(batches, extracted=True)
    test = FILES[name][1]
    file = root / CLASSES[name].base_folder / test
    file.write_bytes(MALICIOUS)
    refused(name, root, f"{test}: must have MD5 .* got {md5(MALICIOUS)}")


def test_an_incomplete_folder_falls_back_on_the_archive(name, batches, publish):
    root = publish(batches)
    folder = root / CLASSES[name].base_folder
    folder.mkdir()
    (folder / FILES[name][1]).write_bytes(b"half")
    assert len(read_cifar(name, root).test) == 3


@pytest.mark.parametrize("cut", [0, 15, 200, -2000])
def test_truncated_archive(name, batches, publish, cut):
    root = publish(batches, cut=cut)
    refused(name, root, rf"{CLASSES[name].filename}: must be a whole archive with .*, got: ")


def test_archive_without_a_batch(name, batches, publish, monkeypatch):
    root = publish(batches)
    monkeypatch.setattr(CLASSES[name], "test_list", [["other", "0" * 32]])
    refused(name, root, "must be a whole archive with .*other")


def test_a_malicious_batch_runs_nothing(name, batches, publish, monkeypatch):
    monkeypatch.setattr(os, "system", None)
    root = publish(batches | {FILES[name][1]: MALICIOUS})
    refused(name, root, f"{FILES[name][1]}: a pickle may only name NumPy arrays, got posix.system")


BROKEN = {
    "not a dict": (lambda b: [], "must be a dict whose 'data' is a ndarray, got NoneType"),
    "no data": (lambda b: {k: v for k, v in b.items() if k != "data"}, "'data' is a ndarray"),
    "no labels": (lambda b: {"data": b["data"]}, "labels' is a list, got NoneType"),
    "short rows": (lambda b: b | {"data": b["data"][:, :3000]}, r"got \(3, 3000\) and 3 labels"),
    "missing row": (lambda b: b | {"data": b["data"][:2]}, r"got \(2, 3072\) and 3 labels"),
    "text label": (
        lambda b: b | {key: ["a", "b", "c"] for key in ("labels", "fine_labels")},
        "labels must be whole numbers",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_not_the_published_format(name, batches, publish, case):
    change, message = BROKEN[case]
    test = FILES[name][1]
    root = publish(batches | {test: change(batches[test])})
    refused(name, root, f"{test}: .*{message}")


def test_missing_without_network(name, tmp_path, monkeypatch):
    monkeypatch.setattr(CLASSES[name], "url", "http://host.invalid/archive")
    kind = CLASSES[name]
    refused(name, tmp_path, f"{kind.filename} must be in the folder {tmp_path}.*{kind.tgz_md5}")


def export(name, found, root, monkeypatch):
    """Class folders of the images, named by their place in the archive."""
    monkeypatch.setattr(cifar, "_TRAIN", len(found.train))
    monkeypatch.setattr(cifar, "_TEST", len(found.test))
    monkeypatch.setitem(cifar._CLASSES, name, 10)
    for part, split in (("train", found.train), ("test", found.test)):
        for index, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
            folder = root / name / part / found.class_names[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{index:05d}.png")


@pytest.fixture
def batches_of_all_classes(name, rng):
    """Every class in train and test, so that each class folder holds an image."""
    train, test, meta = FILES[name]
    key = "label_names" if name == "cifar10" else "fine_label_names"
    of_label = "labels" if name == "cifar10" else "fine_labels"

    def whole():
        labels = rng.permutation(np.repeat(np.arange(10), 2)).tolist()
        data = rng.integers(0, 256, (20, 3072), np.uint8)
        return {of_label: labels, "data": data}

    names = {key: [f"thing {n}" for n in range(10)], "coarse_label_names": ["all"]}
    return {file: whole() for file in [*train, test]} | {meta: names}


def test_class_folders_give_the_same_data_set_as_the_archive(
    name, batches_of_all_classes, publish, monkeypatch
):
    root = publish(batches_of_all_classes)
    published = prepare(CifarSettings(name=name, validation=10), root)
    export(name, read_cifar(name, root), root, monkeypatch)
    (root / CLASSES[name].filename).unlink()
    found = prepare(CifarSettings(name=name, validation=10), root)
    for part in ("train", "val", "test"):
        ours, theirs = getattr(found, part), getattr(published, part)
        np.testing.assert_array_equal(ours.images, theirs.images)
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        np.testing.assert_array_equal(ours.group, theirs.group)
    assert found.class_names == published.class_names
    assert found.source == f"{name}, class folders of .png files, in the order of their numbers"


def test_class_folders_with_other_names_are_in_their_own_order(
    name, batches_of_all_classes, publish, monkeypatch
):
    root = publish(batches_of_all_classes)
    export(name, read_cifar(name, root), root, monkeypatch)
    first = next((root / name / "train").glob("*/*.png"))
    first.rename(first.with_name("a.png"))
    found = read_class_folders(root / name)
    assert found.train.labels.tolist() == sorted(found.train.labels)
    assert found.source.endswith(
        "in the order of the class folders, as they are not numbered from 0"
    )


def test_the_source_names_the_kinds_of_files(name, batches_of_all_classes, publish, monkeypatch):
    """Of a JPEG the pixels are not those of the archive."""
    root = publish(batches_of_all_classes)
    export(name, read_cifar(name, root), root, monkeypatch)
    first = next((root / name / "test").glob("*/*.png"))
    Image.open(first).save(first.with_suffix(".JPG"))
    first.unlink()
    wanted = f"{name}, class folders of .jpg, .png files, in the order of their numbers"
    assert read_class_folders(root / name).source == wanted


def test_part_of_cifar_is_not_taken_for_the_whole(
    name, batches_of_all_classes, publish, monkeypatch
):
    root = publish(batches_of_all_classes)
    export(name, read_cifar(name, root), root, monkeypatch)
    next((root / name / "test").glob("*/*.png")).unlink()
    with pytest.raises(DatasetError, match=f"{name}: must hold .* got .* 19 test images of 10"):
        read_class_folders(root / name)
