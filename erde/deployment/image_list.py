"""The image files that a person means by a path: one, a folder's, or those of its classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from erde.datasets.class_folders import ENDINGS
from erde_core.errors import ErdeError


@dataclass(frozen=True)
class ImageList:
    """Files in order, and what lies among them and is no image by its name.

    Attributes:
        files: images; those of class folders after those of the folder itself.
        left_out: other files, folders inside class folders, and folders without images.
    """

    files: list[Path]
    left_out: list[Path]


def image_files(path: Path) -> ImageList:
    """``path`` itself, or all images in the folder ``path`` and in its folders, by name.

    Raises:
        ValueError: no such file or folder, or no image in it.
    """
    if not path.is_dir():
        if not path.exists():
            raise ErdeError(f"{path}: must be an image or a folder of images, got no such file")
        return ImageList([path], [])
    files, left_out = [], []
    folders = [path]
    for folder in folders:
        for entry in _seen(folder):
            if entry.is_dir() and folder == path:
                folders.append(entry)
            elif entry.is_dir() or entry.suffix.lower() not in ENDINGS:
                left_out.append(entry)
            else:
                files.append(entry)
    if not files:
        raise ErdeError(f"{path}: must hold at least 1 image ({', '.join(ENDINGS)}), got 0")
    return ImageList(files, left_out)


def labelled_files(path: Path, class_names: Sequence[str]) -> tuple[ImageList, list[int]]:
    """The images of the class folders in ``path``, and the class of each, its place in the names.

    Raises:
        ValueError: no folder, one that is named like no class, or no image in any.
    """
    if not path.is_dir():
        raise ErdeError(f"{path}: must be a folder of class folders, got no such folder")
    folders = [entry for entry in _seen(path) if entry.is_dir()]
    odd = [folder.name for folder in folders if folder.name not in class_names]
    if odd or not folders:
        shown = ", ".join(map(repr, odd[:20])) + (" …" if len(odd) > 20 else "")
        raise ErdeError(
            f"{path}: folders must be named like classes of the model ({', '.join(class_names)}), "
            f"got {shown or 'no folder'}"
        )
    found = image_files(path)
    files = [file for file in found.files if file.parent != path]
    if not files:
        raise ErdeError(f"{path}: class folders must hold at least 1 image, got 0")
    stray = [file for file in found.files if file.parent == path]
    place = {name: label for label, name in enumerate(class_names)}
    return ImageList(files, found.left_out + stray), [place[file.parent.name] for file in files]


def _seen(folder: Path) -> list[Path]:
    shown = (entry for entry in folder.iterdir() if not entry.name.startswith("."))
    return sorted(shown, key=lambda entry: entry.name)
