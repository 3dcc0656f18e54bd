"""One's own images in class folders: PNG, JPEG, BMP or WebP.

Pixels are taken as stored, turned upright by EXIF: nothing is scaled or cropped.
"""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from erde.datasets.class_folders import PARTS, ClassFolders, list_class_folders
from erde.datasets.image_file import ImageError, read_image
from erde.datasets.images import DatasetError, TrainAndTest, offenders, ungrouped
from erde.datasets.source import Facts
from erde.datasets.split import with_validation
from erde_core.errors import ErdeError
from erde_core.fields import STRICT_KEYS, FromList, check_fields
from erde_core.images import ImageDataset, Split

_BATCH = 64
_KIND = {1: "grey", 3: "colour"}
_Side = Annotated[int, Ge(1)]


@dataclass(frozen=True, kw_only=True)
class FolderSettings:
    """One's own images: ``path/train/<class>/*.png`` and ``path/test/<class>/*.png``.

    Attributes:
        path: of the folder that holds ``train`` and ``test``.
        image_size: (height, width) in pixels that every image has.
        validation: images to hold out of ``train``.
        split_seed: with ``validation``, decides which.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    name: Literal["folder"]
    path: str
    image_size: Annotated[tuple[_Side, _Side], FromList()]
    validation: Annotated[int, Ge(1)]
    split_seed: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.path or "\0" in self.path:
            raise ErdeError(f"path must name a folder, got {self.path!r}")
        if min(self.image_size) < 1:
            raise ErdeError(f"image_size must be two sides >= 1, got {self.image_size}")

    def facts(self) -> Facts:
        """Counted by the names of the files; colour is assumed."""
        found = list_class_folders(self.path)
        height, width = self.image_size
        return Facts(
            train=found.count("train") - self.validation,
            val=self.validation,
            test=found.count("test"),
            height=height,
            width=width,
            channels=3,
            classes=len(found.classes),
        )

    def class_folders(self, root: Path) -> Path:
        """The folder itself."""
        return Path(self.path)


def prepare(settings: FolderSettings, root: Path) -> ImageDataset:
    """Read the class folders, and hold out the validation split.

    Raises:
        DatasetError: see ``read_folder`` and ``with_validation``.
    """
    found = read_folder(settings.path, settings.image_size)
    return with_validation(found, settings.validation, settings.split_seed)


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


def check_samples(found: ClassFolders, image_size: tuple[int, int]) -> None:
    """Decode the first image of each class and part, as a plan does before any job.

    Raises:
        DatasetError: one of them breaks a rule; all that do are named.
    """
    files = [of_class[0] for part in PARTS for of_class in found.files[part]]
    _, wrong = _decoded(files, image_size)
    if wrong:
        raise offenders("images", list(wrong.values()))


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
    usual = Counter(channels[channels > 0].tolist()).most_common(1)
    for n in np.flatnonzero((channels > 0) & (channels != (usual[0][0] if usual else 0))).tolist():
        kind, other = _KIND[usual[0][0]], _KIND[int(channels[n])]
        wrong[n] = f"{files[n]}: must be {kind} like most other images, got a {other} one"
    kept = images[..., : usual[0][0]] if usual else images
    return np.ascontiguousarray(kept), dict(sorted(wrong.items()))


def _workers(image_size: tuple[int, int]) -> int:
    # Decoding releases the interpreter's lock, opening does not: on small images threads only
    # fight for it (measured: 32×32 half as fast with two threads, 224×224 1.7 times as fast).
    small = image_size[0] * image_size[1] < 64 * 64
    return 1 if small else min(8, os.cpu_count() or 1)
