"""Class folders, ``train/<class>/*.png`` and ``test/<class>/*.png``: which files there are.

The classes are the folder names in sorted order, the images of a class are its files in sorted
order. Everything here looks at names alone.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from erde.datasets.images import DatasetError, offenders, readable

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
PARTS = ("train", "test")
GROUPS = "groups.csv"  # which files belong together; read by those who hold images out
# What file managers leave behind.
_CLUTTER = ("thumbs.db", "desktop.ini", "icon\r")
_HINTS = {
    **dict.fromkeys((".heic", ".heif", ".avif"), "heif-convert, sips or ImageMagick make a JPEG"),
    **dict.fromkeys((".gif", ".tif", ".tiff"), "ImageMagick makes a PNG"),
}
_SHOWN = 3


@dataclass(frozen=True)
class ClassFolders:
    """The files of a data set in class folders.

    Attributes:
        path: of the folder that holds ``train`` and ``test``.
        classes: their names, sorted.
        files: part → class → files, sorted.
        left_out: a sentence for each kind of thing that lies there and is not read.
    """

    path: Path
    classes: tuple[str, ...]
    files: dict[str, list[list[Path]]]
    left_out: tuple[str, ...] = ()

    def count(self, part: str) -> int:
        """Images of ``train`` or ``test``."""
        return sum(map(len, self.files[part]))


def list_class_folders(
    path: str | os.PathLike[str], parts: tuple[str, ...] = PARTS
) -> ClassFolders:
    """List the files under ``path``.

    Args:
        path: the folder that holds ``train`` and ``test``.
        parts: the folders of class folders in it; ``train`` is the first.

    Raises:
        DatasetError: a folder is missing or empty, a link among class folders leads to nothing,
            the classes of train and test differ, or a file is no image by its name; all of them are
            named.
    """
    path = Path(path)
    names = {part: _class_names(path, part) for part in parts}
    for part in parts[1:]:
        _check_same_classes(path, part, names["train"], names[part])
    classes = names["train"]
    try:
        files = {part: [_images(path / part / name) for name in classes] for part in parts}
        left_out = _left_out(path, parts, classes)
    except OSError as error:
        raise _unreadable(error) from error
    wrong = [
        f"{file}: must be an image file ({', '.join(ENDINGS)}){_found(file)}"
        for of_classes in files.values()
        for of_class in of_classes
        for file in of_class
        if file.suffix.lower() not in ENDINGS or not file.is_file()
    ]
    empty = [
        f"{path / part / name}: a class folder must hold at least 1 image, got 0"
        for part, of_classes in files.items()
        for name, of_class in zip(classes, of_classes, strict=True)
        if not of_class
    ]
    if wrong or empty:
        raise offenders("files or folders", [*empty, *wrong])
    return ClassFolders(path, tuple(classes), files, tuple(left_out))


def _found(file: Path) -> str:
    if file.is_symlink() and not file.exists():
        return ", got a link to nothing"
    if file.is_dir():
        return ", got a folder"
    hint = _HINTS.get(file.suffix.lower())
    return f", got {file.suffix} ({hint})" if hint else ""


def _left_out(path: Path, parts: tuple[str, ...], classes: list[str]) -> list[str]:
    """A sentence for each kind of thing that nobody reads."""
    beside = [e for e in path.iterdir() if e.name not in (*parts, GROUPS) and not is_hidden(e)]
    loose = [e for part in parts for e in (path / part).iterdir() if not e.is_dir()]
    loose += [e for e in beside if not e.is_dir()]
    hidden = [
        entry
        for folder in (
            path,
            *(path / p for p in parts),
            *(path / p / c for p in parts for c in classes),
        )
        for entry in folder.iterdir()
        if is_hidden(entry)
    ]
    kinds = (
        ("folders beside those that are read", [e for e in beside if e.is_dir()]),
        ("files outside of the class folders", [e for e in loose if not is_hidden(e)]),
        ("hidden files and folders", hidden),
    )
    return [f"left out: {_named(kind, sorted(found), path)}" for kind, found in kinds if found]


def _named(kind: str, entries: list[Path], path: Path) -> str:
    shown = ", ".join(readable(entry.relative_to(path)) for entry in entries[:_SHOWN])
    return f"{len(entries)} {kind} ({shown}{', …' if len(entries) > _SHOWN else ''})"


def _class_names(root: Path, part: str) -> list[str]:
    path = root / part
    if not path.is_dir():
        raise DatasetError(
            f"{path}: must be a folder of class folders, got no such folder{_instead(root, part)}"
        )
    try:
        entries = _entries(path)
        away = [entry for entry in entries if not entry.exists()]
        names = [entry.name for entry in entries if entry.is_dir()]
    except OSError as error:
        raise _unreadable(error) from error
    if away:  # as if a class had never been there, were it passed over
        raise offenders(
            "class folders", [f"{entry}: must be a class folder{_found(entry)}" for entry in away]
        )
    if len(names) < 2:
        raise DatasetError(f"{path}: must hold at least 2 class folders, got {len(names)}")
    unprintable = [name for name in names if not _is_text(name)]
    if unprintable:
        raise offenders(
            "class folders", [f"{path / n}: must have a name in UTF-8" for n in unprintable]
        )
    return names


def _instead(root: Path, part: str) -> str:
    """What lies there in place of it, for the end of a sentence."""
    if (root / part).is_symlink():
        return " but a link to nothing"
    try:
        entries = sorted(root.iterdir())
    except OSError:
        return ""
    alike = [entry.name for entry in entries if entry.name.lower() == part]
    images = [entry for entry in entries if entry.suffix.lower() in ENDINGS]
    if alike:
        return f" but {alike[0]!r} (upper and lower case are not the same)"
    if images:
        return f" but {len(images)} images in {root} itself: sort them into {part}/<class>/"
    return ""


def _check_same_classes(path: Path, part: str, train: list[str], other: list[str]) -> None:
    missing = [
        f"{path}/{one}: must have the class folders of {two}, got no folder {name!r}"
        for one, two, names in (
            (part, "train", sorted(set(train) - set(other))),
            ("train", part, sorted(set(other) - set(train))),
        )
        for name in names
    ]
    if missing:
        raise offenders("class folders", missing)


def _images(path: Path) -> list[Path]:
    return [entry for entry in _entries(path) if entry.name.lower() not in _CLUTTER]


def is_hidden(entry: Path | os.DirEntry[str]) -> bool:
    """Whether nobody reads it: what file managers leave behind, and names that begin with a dot."""
    return entry.name.startswith(".") or entry.name.lower() in _CLUTTER


def _entries(path: Path) -> list[Path]:
    """What lies in a folder, hidden files left out, sorted by name."""
    seen: Iterable[Path] = (entry for entry in path.iterdir() if not entry.name.startswith("."))
    return sorted(seen, key=lambda entry: entry.name)


def _unreadable(error: OSError) -> DatasetError:
    return DatasetError(f"{error.filename}: cannot be read: {error.strerror}")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
