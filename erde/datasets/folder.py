"""One's own images in class folders: PNG, JPEG, BMP or WebP.

Turned upright by EXIF; scaled where ``resize`` says so, else taken as they are.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erde.datasets.class_folders import PARTS, ClassFolders, list_class_folders
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.image_file import ImageError, decoded, read_image
from erde.datasets.images import (
    DatasetError,
    TrainAndTest,
    offenders,
    ungrouped,
    usual_channels,
)
from erde.datasets.photographs.stored import Say, in_memory, into_file
from erde_core.images import ImageDataset, Split

_BATCH = 64
_KIND = {1: "grey", 3: "colour"}


def prepare(settings: FolderSettings, root: Path) -> ImageDataset:
    """Read the photographs into memory, with the validation split held out.

    Raises:
        DatasetError: see ``erde.datasets.photographs``.
    """
    return in_memory(settings, False, lambda sentence: None)


def prepare_file(
    settings: FolderSettings, crops: bool, path: Path, folder: Path, made_by: str, say: Say
) -> None:
    """Read them into the data set file ``path``; see ``into_file``."""
    into_file(settings, crops, path, folder, made_by, say)


def read_folder(path: str | os.PathLike[str], image_size: tuple[int, int]) -> TrainAndTest:
    """Read the class folders under ``path``.

    Args:
        path: the folder that holds ``train`` and ``test``.
        image_size: (height, width) in pixels that every image must have.

    Returns:
        uint8 images ``(N, H, W, 3)``, or ``(N, H, W, 1)`` when all of them are grey.

    Raises:
        DatasetError: a folder or file is missing, empty, unreadable, no image, of another size
            or kind, or the classes of train and test differ; the offenders are named. Names and
            order are checked before any image is decoded.
    """
    found = list_class_folders(path)
    parts = {part: _read_part(found, part, image_size) for part in PARTS}
    channels = {part: split.images.shape[-1] for part, split in parts.items()}
    if len(set(channels.values())) > 1:
        raise DatasetError(
            f"{path}/test: images must be {_KIND[channels['train']]} like those of train, "
            f"got {_KIND[channels['test']]} images"
        )
    source = f"class folders of {found.path.resolve().name}"
    return TrainAndTest(parts["train"], parts["test"], found.classes, source)


def check_samples(found: ClassFolders, settings: FolderSettings, channels: int) -> None:
    """Decode the first image of each class and part, as a plan does before any job.

    In its own size: what it is scaled to may be larger than the memory.

    Raises:
        DatasetError: one of them breaks a rule; all that do are named.
    """
    wrong = []
    for of_classes in found.files.values():
        for of_class in of_classes:
            try:
                decoded(of_class[0], settings.size, channels, settings.resize)
            except ImageError as error:
                wrong.append(str(error))
    if wrong:
        raise offenders("images", wrong)


def _read_part(found: ClassFolders, part: str, image_size: tuple[int, int]) -> Split:
    files = [file for of_class in found.files[part] for file in of_class]
    counts = [len(of_class) for of_class in found.files[part]]
    images, wrong = _decoded(files, image_size)
    if wrong:
        raise offenders("images", list(wrong.values()))
    return ungrouped(images, np.repeat(np.arange(len(counts)), counts))


def _decoded(
    files: list[Path], image_size: tuple[int, int]
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """The images (N, H, W, K), and a sentence for each file that breaks a rule, by its place."""
    channels = np.zeros(len(files), np.int64)
    images = np.empty((len(files), *image_size, 3), np.uint8)
    wrong: dict[int, str] = {}

    def decode(start: int) -> None:
        for n in range(start, min(start + _BATCH, len(files))):
            try:
                pixels = read_image(files[n], image_size)
            except ImageError as error:
                wrong[n] = str(error)
            else:
                images[n], channels[n] = pixels, pixels.shape[-1]  # one channel fills all three

    with ThreadPoolExecutor(_workers(image_size)) as threads:
        # The results are None; asking for them raises what nobody foresaw.
        for _ in threads.map(decode, range(0, len(files), _BATCH)):
            pass
    usual = usual_channels(channels)
    for n in np.flatnonzero(channels == 4 - usual).tolist():
        kind, other = _KIND[usual], _KIND[4 - usual]
        wrong[n] = f"{files[n]}: must be {kind} like most other images, got a {other} one"
    return np.ascontiguousarray(images[..., :usual]), dict(sorted(wrong.items()))


def _workers(image_size: tuple[int, int]) -> int:
    # Decoding releases the interpreter's lock, opening does not: on small images threads only
    # fight for it (measured: 32×32 half as fast with two threads, 224×224 1.7 times as fast).
    small = image_size[0] * image_size[1] < 64 * 64
    return 1 if small else min(8, os.cpu_count() or 1)
