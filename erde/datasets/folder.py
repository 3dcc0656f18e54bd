"""One's own images: ``train/<class>/*.png`` and ``test/<class>/*.png`` (or JPEG, BMP, WebP).

The classes are the folder names in sorted order, the images of a class are its files in sorted
order. Pixels are taken as stored, turned upright by EXIF: nothing is scaled or cropped.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erde.datasets.image_file import ImageError, read_image
from erde.datasets.images import DatasetError, TrainAndTest, ungrouped
from erde_core.images import Split

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_BATCH = 64


def read_folder(path: str | os.PathLike[str], image_size: tuple[int, int]) -> TrainAndTest:
    """Read the class folders under ``path``.

    Args:
        path: the folder that holds ``train`` and ``test``.
        image_size: (height, width) in pixels that every image must have.

    Returns:
        uint8 images ``(N, H, W, 3)``, or ``(N, H, W, 1)`` when all of them are grey.

    Raises:
        DatasetError: a folder or file is missing, empty, unreadable, no image, of another size
            or kind, or the classes of train and test differ. Names and order are checked before
            any image is decoded.
    """
    path = Path(path)
    classes = _class_names(path / "train")
    _check_same_classes(path, classes, _class_names(path / "test"))
    files = {part: _files_of_classes(path / part, classes) for part in ("train", "test")}
    height, width = image_size
    train, test = (_read_split(files[part], (height, width)) for part in ("train", "test"))
    if train.images.shape[1:] != test.images.shape[1:]:
        kinds = [("colour", "grey")[s.images.shape[-1] == 1] for s in (train, test)]
        raise DatasetError(
            f"{path}/test: images must be {kinds[0]} like those of train, got {kinds[1]} images"
        )
    return TrainAndTest(train, test, tuple(classes), f"class folders of {path.resolve().name}")


def _class_names(path: Path) -> list[str]:
    if not path.is_dir():
        raise DatasetError(f"{path}: must be a folder of class folders, got no such folder")
    names = sorted(entry.name for entry in path.iterdir() if entry.is_dir() and _is_seen(entry))
    if len(names) < 2:
        raise DatasetError(f"{path}: must hold at least 2 class folders, got {len(names)}")
    return names


def _check_same_classes(path: Path, train: list[str], test: list[str]) -> None:
    for part, other, missing in (
        ("test", "train", sorted(set(train) - set(test))),
        ("train", "test", sorted(set(test) - set(train))),
    ):
        if missing:
            raise DatasetError(
                f"{path}/{part}: must have the class folders of {other}, "
                f"got no folder {missing[0]!r} ({len(missing)} missing)"
            )


def _files_of_classes(path: Path, classes: list[str]) -> list[list[Path]]:
    return [_image_files(path / name) for name in classes]


def _image_files(path: Path) -> list[Path]:
    files = sorted((entry for entry in path.iterdir() if _is_seen(entry)), key=lambda f: f.name)
    for file in files:
        if file.suffix.lower() not in ENDINGS or not file.is_file():
            raise DatasetError(f"{file}: must be an image file ({', '.join(ENDINGS)})")
    if not files:
        raise DatasetError(f"{path}: a class folder must hold at least 1 image, got 0")
    return files


def _is_seen(entry: Path) -> bool:
    return not entry.name.startswith(".")


def _read_split(files_of_classes: list[list[Path]], image_size: tuple[int, int]) -> Split:
    files = [file for files in files_of_classes for file in files]
    labels = np.repeat(np.arange(len(files_of_classes)), [len(f) for f in files_of_classes])
    channels = _pixels(files[0], image_size).shape[-1]
    images = np.empty((len(files), *image_size, channels), np.uint8)

    def decode(span: tuple[int, int]) -> None:
        for n in range(*span):
            images[n] = _pixels(files[n], image_size, channels)

    spans = pairwise([*range(0, len(files), _BATCH), len(files)])
    with ThreadPoolExecutor(_workers(image_size)) as threads:
        # The results are None; asking for them in order raises what the first bad file raised.
        for _ in threads.map(decode, spans):
            pass
    return ungrouped(images, labels)


def _pixels(
    file: Path, image_size: tuple[int, int], channels: int | None = None
) -> NDArray[np.uint8]:
    try:
        return read_image(file, image_size, channels)
    except ImageError as error:
        raise DatasetError(str(error)) from error


def _workers(image_size: tuple[int, int]) -> int:
    # Decoding releases the interpreter's lock, opening does not: on small images threads only
    # fight for it (measured: 32×32 half as fast with two threads, 224×224 1.7 times as fast).
    small = image_size[0] * image_size[1] < 64 * 64
    return 1 if small else min(8, os.cpu_count() or 1)
