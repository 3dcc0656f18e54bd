"""Classify image files with a deployment; what cannot be read is reported, the rest is done."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erde.datasets.class_folders import ENDINGS
from erde.datasets.image_file import read_image
from erde.datasets.images import DatasetError
from erde.deployment.runner import Runner

_BATCH = 64
Reader = Callable[[Path], NDArray[np.uint8]]


@dataclass(frozen=True)
class Answer:
    """What the network says of one file.

    Attributes:
        file: as it was named.
        label: class name.
        probability: of that class at the exit taken.
        exit: 0 … E - 1.
        macs: multiply-accumulates spent.
    """

    file: Path
    label: str
    probability: float
    exit: int
    macs: int


def image_files(path: Path) -> list[Path]:
    """``path`` itself, or all images in the folder ``path``, by name.

    Raises:
        ValueError: no such file or folder, or no image in it.
    """
    if path.is_dir():
        shown = (file for file in path.iterdir() if not file.name.startswith("."))
        files = sorted(file for file in shown if file.suffix.lower() in ENDINGS)
        if not files:
            raise ValueError(f"{path}: must hold at least 1 image ({', '.join(ENDINGS)}), got 0")
        return files
    if not path.exists():
        raise ValueError(f"{path}: must be an image or a folder of images, got no such file")
    return [path]


def reader(shape: tuple[int, int, int], resize: bool) -> Reader:
    """A function from a file to uint8 pixels of ``shape`` (H, W, channels).

    It raises ``DatasetError`` for what is no 8-bit opaque image, and without ``resize`` for an
    image of another size or of grey where colour is wanted, or the reverse.
    """
    return lambda file: read_image(file, shape[:2], shape[2], resize)


def classify(
    runner: Runner, files: list[Path], read: Reader, threshold: float
) -> Iterator[Answer | DatasetError]:
    """One answer, or one error that names the file, per file and in their order."""
    names, macs = runner.manifest["class_names"], runner.manifest["macs"]
    for part in (files[n : n + _BATCH] for n in range(0, len(files), _BATCH)):
        found = [_read_or_error(read, file) for file in part]
        good = [n for n, pixels in enumerate(found) if isinstance(pixels, np.ndarray)]
        if good:
            pixels = np.stack([found[n] for n in good])
            answers = zip(*runner.predict(pixels, threshold), strict=True)
            for n, (label, probability, e) in zip(good, answers, strict=True):
                found[n] = Answer(part[n], names[label], float(probability), int(e), macs[e])
        yield from found


def _read_or_error(read: Reader, file: Path) -> NDArray[np.uint8] | DatasetError:
    try:
        return read(file)
    except DatasetError as error:
        return error
