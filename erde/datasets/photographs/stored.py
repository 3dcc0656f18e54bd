"""Photographs as a data set: in memory, or streamed into a file that a kill leaves resumable."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erde.datasets.folder_settings import FolderSettings
from erde.datasets.images import image_dataset
from erde.datasets.photographs.decode import Shapes, decode_all, look_at_all
from erde.datasets.photographs.duplicates import check_duplicates
from erde.datasets.photographs.listed import Photographs, list_photographs
from erde_core.images import ImageDataset, Split
from erde_core.store.dataset_writer import DatasetWriter, Part, parts_of

Say = Callable[[str], None]
_PROGRESS = 10  # lines


def in_memory(settings: FolderSettings, crops: bool, say: Say) -> ImageDataset:
    """Decode all into memory.

    Raises:
        DatasetError: see ``list_photographs``, ``look_at_all``, ``decode_all`` and
            ``check_duplicates``.
    """
    found, shapes = _looked_at(settings, crops, say)
    planned = shapes.planned(found)
    images = {n: np.empty((len(p.labels), *p.shape), np.uint8) for n, p in planned.items()}
    contents = {n: np.empty((len(p.labels), 32), np.uint8) for n, p in planned.items()}

    def write(part: Part, pixels: NDArray[np.uint8], content: NDArray[np.uint8]) -> None:
        rows = slice(part.start, part.stop)
        images[part.split][rows], contents[part.split][rows] = pixels, content

    decode_all(found, shapes, parts_of(planned), write)
    for sentence in check_duplicates(found, contents, settings.duplicates == "keep"):
        say(sentence)
    splits = {n: Split(images[n], p.labels, p.group) for n, p in planned.items()}
    return _dataset(found, splits)


def into_file(
    settings: FolderSettings, crops: bool, path: Path, folder: Path, made_by: str, say: Say
) -> None:
    """Decode all into the data set file ``path``, with few of them in memory.

    Args:
        settings: of the photographs.
        crops: whether training images are stored with room for crops.
        path: the finished file.
        folder: for the unfinished one; a killed process goes on there.
        made_by: what else decides the pixels: code and versions of libraries.
        say: told of what is found and how far the work is.

    Raises:
        DatasetError: as :func:`in_memory`.
        OSError: the disk lacks room for the whole file; nothing was decoded yet.
    """
    found, shapes = _looked_at(settings, crops, say)
    identity = _identity(settings, found, shapes, made_by)
    writer = DatasetWriter(folder, shapes.planned(found), identity, say)
    left = sum(part.stop - part.start for part in writer.missing)
    decode_all(found, shapes, writer.missing, writer.write, _progress(left, say))
    for sentence in check_duplicates(found, writer.contents(), settings.duplicates == "keep"):
        say(sentence)
    writer.finish(path, _dataset(found, writer.splits()))


def _looked_at(settings: FolderSettings, crops: bool, say: Say) -> tuple[Photographs, Shapes]:
    found = list_photographs(settings)
    for sentence in found.findings:
        say(sentence)
    sizes = dict.fromkeys(("val", "test"), settings.size)
    shapes = look_at_all(found, sizes | {"train": settings.stored_size(crops)}, settings.resize)
    for sentence in shapes.findings:
        say(sentence)
    return found, shapes


def _dataset(found: Photographs, splits: dict[str, Split]) -> ImageDataset:
    source = f"class folders of {found.path.resolve().name}"
    train, val, test = (splits[name] for name in ("train", "val", "test"))
    return image_dataset(train, val, test, found.classes, source)


def _identity(settings: FolderSettings, found: Photographs, shapes: Shapes, made_by: str) -> str:
    # What is refused when all is decoded may be taken then: no image is another for it.
    asked = dataclasses.asdict(settings) | {"duplicates": None}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    digest.update(f"{dict(shapes.sizes)} {shapes.channels} {made_by}".encode())
    for name, split in found.splits.items():
        digest.update(split.labels.tobytes() + split.group.tobytes())
        for file in split.files:
            state = file.stat()
            digest.update(
                f"{name} {file} {state.st_size} {state.st_mtime_ns}\n".encode(
                    "utf-8", "surrogateescape"
                )
            )
    return digest.hexdigest()


def _progress(total: int, say: Say) -> Callable[[int], None]:
    done, said = 0, 0

    def step(images: int) -> None:
        nonlocal done, said
        done += images
        if done * _PROGRESS // max(1, total) > said and total > 1000:
            said = done * _PROGRESS // total
            say(f"{done:,} of {total:,} images decoded")

    return step
