"""The image files that a person means by a path: one, a folder's, or those of its classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from erde.datasets.class_folders import ENDINGS
from erde_core.errors import ErdeError

NO_IMAGE, DEEPER = "no image by its name", "a folder inside a class folder"
BESIDE, AWAY = "beside the class folders", "a link to nothing"


@dataclass(frozen=True)
class ImageList:
    """Files in order, and what lies among them and is not read.

    Attributes:
        files: images; those of class folders after those of the folder itself.
        left_out: reason → all that is left out for it.
    """

    files: list[Path]
    left_out: dict[str, list[Path]]


def image_files(path: Path) -> ImageList:
    """``path`` itself, or all images in the folder ``path`` and in its folders, by name.

    Raises:
        ValueError: no such file or folder, or no image in it.
    """
    if not path.is_dir():
        if not path.exists():
            raise ErdeError(f"{path}: must be an image or a folder of images, got no such file")
        return ImageList([path], {})
    files: list[Path] = []
    left_out: dict[str, list[Path]] = {}
    folders = [path]
    for folder in folders:
        for entry in _seen(folder):
            if entry.is_dir() and folder == path:
                folders.append(entry)
            elif entry.suffix.lower() in ENDINGS and not entry.is_dir():
                files.append(entry)
            else:
                left_out.setdefault(_reason(entry), []).append(entry)
    if not files:
        raise ErdeError(f"{path}: must hold at least 1 image ({', '.join(ENDINGS)}), got 0")
    return ImageList(files, left_out)


def labelled_files(path: Path, class_names: Sequence[str]) -> tuple[ImageList, list[int]]:
    """The images of the class folders in ``path``, and the class of each, its place in the names.

    Raises:
        ValueError: no folder, one that is named like no class or is a link to nothing, or no image
            in any.
    """
    if not path.is_dir():
        raise ErdeError(f"{path}: must be a folder of class folders, got no such folder")
    away = [e for e in _seen(path) if e.name in class_names and _reason(e) == AWAY]
    if away:
        raise ErdeError(f"{away[0]}: must be a folder of images of its class, got {AWAY}")
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
    left_out = found.left_out | ({BESIDE: stray} if stray else {})
    place = {name: label for label, name in enumerate(class_names)}
    return ImageList(files, left_out), [place[file.parent.name] for file in files]


def _reason(entry: Path) -> str:
    """Why it is left out."""
    if entry.is_symlink() and not entry.exists():
        return AWAY
    return DEEPER if entry.is_dir() else NO_IMAGE


def _seen(folder: Path) -> list[Path]:
    shown = (entry for entry in folder.iterdir() if not entry.name.startswith("."))
    return sorted(shown, key=lambda entry: entry.name)
