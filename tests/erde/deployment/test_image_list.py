"""Which files are meant by a path, and what is said of the others."""

import os

import pytest

from erde.deployment.image_list import image_files, labelled_files


@pytest.fixture
def folder(tmp_path):
    for name in (
        "b/2.png",
        "b/1.JPG",
        "a/3.webp",
        "a/deep/4.png",
        "z.png",
        "a/notes.txt",
        ".x.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def names(files, folder):
    return [str(file.relative_to(folder)) for file in files]


def reasons(found, folder):
    return {reason: names(files, folder) for reason, files in found.left_out.items()}


def test_a_folder_and_its_class_folders(folder):
    found = image_files(folder)
    assert names(found.files, folder) == ["z.png", "a/3.webp", "b/1.JPG", "b/2.png"]
    assert reasons(found, folder) == {
        "a folder inside a class folder": ["a/deep"],
        "no image by its name": ["a/notes.txt"],
    }


def test_one_file_whatever_its_name(folder):
    assert image_files(folder / "a/notes.txt").files == [folder / "a/notes.txt"]


def test_labels_are_places_in_the_list_of_names(folder):
    found, labels = labelled_files(folder, ["c", "b", "a"])
    assert names(found.files, folder) == ["a/3.webp", "b/1.JPG", "b/2.png"]
    assert labels == [2, 1, 1]
    assert reasons(found, folder) == {
        "a folder inside a class folder": ["a/deep"],
        "no image by its name": ["a/notes.txt"],
        "beside the class folders": ["z.png"],
    }


def test_a_link_to_nothing_is_called_so_and_is_no_class(folder):
    (folder / "notes").symlink_to(folder / "nowhere")
    assert reasons(image_files(folder), folder)["a link to nothing"] == ["notes"]
    assert reasons(labelled_files(folder, "abc")[0], folder)["a link to nothing"] == ["notes"]
    (folder / "c").symlink_to(folder / "nowhere")
    with pytest.raises(ValueError, match=r"/c: must be a folder .* got a link to nothing"):
        labelled_files(folder, "abc")


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (["a", "c"], r"folders must be named like classes of the model \(a, c\), got 'b'"),
        (["x", "y"], r"classes of the model \(x, y\), got 'a', 'b'"),
    ],
)
def test_a_folder_that_is_no_class(folder, classes, words):
    with pytest.raises(ValueError, match=words):
        labelled_files(folder, classes)


def test_no_class_folder_and_no_image(folder, tmp_path_factory):
    with pytest.raises(ValueError, match=r"classes of the model \(a, b\), got no folder"):
        labelled_files(folder / "b", ["a", "b"])
    with pytest.raises(ValueError, match="must be a folder of class folders, got no such folder"):
        labelled_files(folder / "z.png", ["a", "b"])
    empty = tmp_path_factory.mktemp("empty")
    (empty / "a").mkdir()
    with pytest.raises(ValueError, match=r"must hold at least 1 image .*, got 0"):
        labelled_files(empty, ["a", "b"])


def test_a_dangling_link_and_a_name_that_is_no_utf_8_are_files_too(tmp_path):
    (tmp_path / "a.png").symlink_to("nowhere")
    odd = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")
    open(odd, "wb").close()
    assert len(image_files(tmp_path).files) == 2
