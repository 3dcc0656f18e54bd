"""Class folders, ``train/<class>/*.png`` and ``test/<class>/*.png``: which files there are.

The classes are the folder names in sorted order, the images of a class are its files in sorted
order. Everything here looks at names alone.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from erde.datasets.images import DatasetError, offenders

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
PARTS = ("train", "test")


@dataclass(frozen=True)
class ClassFolders:
    """The files of a data set in class folders.

    Attributes:
        path: of the folder that holds ``train`` and ``test``.
        classes: their names, sorted.
        files: part → class → files, sorted.
    """

    path: Path
    classes: tuple[str, ...]
    files: dict[str, list[list[Path]]]

    def count(self, part: str) -> int:
        """Images of ``train`` or ``test``."""
        return sum(map(len, self.files[part]))


def list_class_folders(path: str | os.PathLike[str]) -> ClassFolders:
    """List the files under ``path``.

    Raises:
        DatasetError: a folder is missing or empty, the classes of train and test differ, or a file
            is no image by its name; all of them are named.
    """
    path = Path(path)
    train, test = (_class_names(path / part) for part in PARTS)
    _check_same_classes(path, train, test)
    try:
        files = {part: [_entries(path / part / name) for name in train] for part in PARTS}
    except OSError as error:
        raise _unreadable(error) from error
    wrong = [
        f"{file}: must be an image file ({', '.join(ENDINGS)})"
        for of_classes in files.values()
        for of_class in of_classes
        for file in of_class
        if file.suffix.lower() not in ENDINGS or not file.is_file()
    ]
    empty = [
        f"{path / part / name}: a class folder must hold at least 1 image, got 0"
        for part, of_classes in files.items()
        for name, of_class in zip(train, of_classes, strict=True)
        if not of_class
    ]
    if wrong or empty:
        raise offenders("files or folders", [*empty, *wrong])
    return ClassFolders(path, tuple(train), files)


def _class_names(path: Path) -> list[str]:
    if not path.is_dir():
        raise DatasetError(f"{path}: must be a folder of class folders, got no such folder")
    try:
        names = [entry.name for entry in _entries(path) if entry.is_dir()]
    except OSError as error:
        raise _unreadable(error) from error
    if len(names) < 2:
        raise DatasetError(f"{path}: must hold at least 2 class folders, got {len(names)}")
    unprintable = [name for name in names if not _is_text(name)]
    if unprintable:
        raise offenders(
            "class folders", [f"{path / n}: must have a name in UTF-8" for n in unprintable]
        )
    return names


def _check_same_classes(path: Path, train: list[str], test: list[str]) -> None:
    missing = [
        f"{path}/{part}: must have the class folders of {other}, got no folder {name!r}"
        for part, other, names in (
            ("test", "train", sorted(set(train) - set(test))),
            ("train", "test", sorted(set(test) - set(train))),
        )
        for name in names
    ]
    if missing:
        raise offenders("class folders", missing)


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
