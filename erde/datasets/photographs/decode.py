"""Decodes photographs in threads, part by part; who cannot be used is named in the end."""

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erde.datasets.image_file import ImageError, decoded, fitted, look
from erde.datasets.images import offenders, usual_channels
from erde.datasets.photographs.listed import Photographs
from erde_core.store.dataset_writer import Part, Planned

# Of the images ``part.start`` … ``part.stop`` - 1 and the SHA-256 of each before it was scaled.
Write = Callable[[Part, NDArray[np.uint8], NDArray[np.uint8]], None]
_LOOKED_AT = 64
# Decoding takes 12 bytes per pixel: a thread each would take 800 MB for one of these, or far more.
_LARGE = 2**26
_ONE_LARGE = threading.Lock()
_KIND = {1: "grey", 3: "colour"}


@dataclass(frozen=True)
class Shapes:
    """What becomes of the photographs.

    Attributes:
        sizes: split → (height, width).
        channels: 3 or 1.
        resize: how.
        findings: a sentence for each thing worth knowing of their sizes and colours.
        large: files of so many pixels that they are decoded one at a time.
    """

    sizes: Mapping[str, tuple[int, int]]
    channels: int
    resize: str
    findings: tuple[str, ...]
    large: frozenset[Path] = frozenset()

    def planned(self, found: Photographs) -> dict[str, Planned]:
        """The splits as the writer of the data set wants them."""
        return {
            name: Planned((*self.sizes[name], self.channels), split.labels, split.group)
            for name, split in found.splits.items()
        }


def look_at_all(found: Photographs, sizes: Mapping[str, tuple[int, int]], resize: str) -> Shapes:
    """Read the head of every file: size, colour, and whether it is of a kind that can be used.

    Raises:
        DatasetError: some are not; they are named, before any pixel is decoded.
    """
    files = [(file, sizes[name]) for name, split in found.splits.items() for file in split.files]
    wrong: dict[int, str] = {}
    heads = np.zeros((len(files), 3), np.int64)

    def look_at(start: int) -> None:
        for n in range(start, min(start + _LOOKED_AT, len(files))):
            try:
                size, channels = look(*files[n], resize)
            except ImageError as error:
                wrong[n] = str(error)
            else:
                heads[n] = (*size, channels)

    _in_threads(look_at, range(0, len(files), _LOOKED_AT))
    channels = usual_channels(heads[:, 2])
    if resize != "none" and (heads[:, 2] == 3).any():
        channels = 3  # grey images become colour ones without a loss, whichever are more
    odd = [n for n in np.flatnonzero(heads[:, 2] == 4 - channels).tolist()]
    if odd and resize == "none":
        wrong |= {
            n: f"{files[n][0]}: must be {_KIND[channels]} like the other images, "
            f"got a {_KIND[4 - channels]} one"
            for n in odd
        }
    if wrong:
        raise offenders("images", [wrong[n] for n in sorted(wrong)])
    large = frozenset(files[n][0] for n in np.flatnonzero(heads[:, 0] * heads[:, 1] > _LARGE))
    findings = tuple(_findings(heads, sizes, resize, len(odd)))
    return Shapes(sizes, channels, resize, findings, large)


def decode_all(
    found: Photographs,
    shapes: Shapes,
    parts: Iterable[Part],
    write: Write,
    done: Callable[[int], None] = lambda images: None,
) -> None:
    """Decode the images of ``parts`` and hand each part to ``write``, from several threads.

    Raises:
        DatasetError: some cannot be used; they are named when all others are written.
    """
    wrong: dict[tuple[int, int], str] = {}

    def decode(part: Part) -> None:
        files = found.splits[part.split].files[part.start : part.stop]
        size = shapes.sizes[part.split]
        images = np.empty((len(files), *size, shapes.channels), np.uint8)
        content = np.empty((len(files), 32), np.uint8)
        for n, file in enumerate(files):
            try:
                with _ONE_LARGE if file in shapes.large else contextlib.nullcontext():
                    images[n], content[n] = _read(file, size, shapes)
            except ImageError as error:
                wrong[part.number, n] = str(error)
        if not any(number == part.number for number, _ in list(wrong)):
            write(part, images, content)
        done(len(files))

    _in_threads(decode, parts)
    if wrong:
        raise offenders("images", [wrong[place] for place in sorted(wrong)])


def _read(
    file: Path, size: tuple[int, int], shapes: Shapes
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image = decoded(file, size, shapes.channels, shapes.resize)
    digest = hashlib.sha256(f"{image.size}".encode())
    digest.update(np.asarray(image).data)
    pixels = fitted(image, size, shapes.resize)
    return pixels, np.frombuffer(digest.digest(), np.uint8)


def _in_threads(work: Callable[..., None], items: Iterable[object]) -> None:
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for _ in threads.map(work, items):  # asking for the results raises what nobody foresaw
            pass


def _findings(
    heads: NDArray[np.int64], sizes: Mapping[str, tuple[int, int]], resize: str, odd: int
) -> list[str]:
    said = []
    if resize != "none":
        (low, high), shown = (heads[:, :2].min(0), heads[:, :2].max(0)), sizes["test"]
        small = int((heads[:, :2].min(1) < min(shown)).sum())
        said.append(
            f"{len(heads)} images of {low[0]} … {high[0]} × {low[1]} … {high[1]} pixels become "
            f"{shown[0]} × {shown[1]} (resize: {resize})"
        )
        if sizes["train"] != shown:
            said[-1] += f", in train {sizes['train'][0]} × {sizes['train'][1]}, to be cropped"
        if small:
            said.append(f"{small} images have a side below {min(shown)} pixels")
    if odd:
        said.append(f"{odd} grey images are taken for colour")
    return said
