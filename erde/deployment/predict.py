"""Classify image files with a deployment; what cannot be read is reported, the rest is done."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from erde.datasets.image_file import ImageError, read_image
from erde.deployment.choice import Thresholds
from erde.deployment.pillow_version import warn_of_another_pillow
from erde_core.errors import ErdeError

if TYPE_CHECKING:  # ONNX Runtime is not there with every extra
    from erde.deployment.runner import Runner

Reader = Callable[[Path], NDArray[np.uint8]]


@dataclass(frozen=True)
class Answer:
    """What the network says of one file.

    Attributes:
        file: as it was named.
        ranked: the most probable classes, name and probability at the exit taken, best first.
        exit: 0 … E - 1.
        macs: multiply-accumulates spent.
        unsure: the score of the first exit; NaN where there is no early one.
    """

    file: Path
    ranked: tuple[tuple[str, float], ...]
    exit: int
    macs: int
    unsure: float


def reader(runner: "Runner", resize: bool) -> Reader:
    """A function from a file to uint8 pixels of the network's shape (H, W, channels).

    Sizes are changed as they were for training. It raises ``ImageError`` for what is no 8-bit
    opaque image, and where training did not change sizes, for an image of another size or of grey
    where colour is wanted, or the reverse; with ``resize`` it is stretched and converted. That
    another Pillow is installed than the one that read the training images is warned of here.
    """
    warn_of_another_pillow(runner.manifest["versions"])
    height, width, channels = runner.manifest["shape"]
    how = runner.manifest["preprocessing"]["resize"]
    if how == "none" and resize:
        how = "stretch"
    return lambda file: read_image(file, (height, width), channels, how, convert=resize)


def check_top(runner: "Runner", top: int) -> None:
    """Refuse to name no class, or more than there are, with an ErdeError."""
    classes = len(runner.manifest["class_names"])
    if not 1 <= top <= classes:
        raise ErdeError(f"--top must lie in 1 … {classes}, the number of classes, got {top}")


def classify(
    runner: "Runner", files: Sequence[Path], read: Reader, threshold: Thresholds, top: int = 1
) -> Iterator[Answer | ImageError]:
    """Per file, in order: an answer with ``top`` classes, or an error that names the file."""
    from erde.deployment.runner import BATCH

    for part in (files[n : n + BATCH] for n in range(0, len(files), BATCH)):
        read_or_not = [_read_or_error(read, file) for file in part]
        good = [pixels for pixels in read_or_not if not isinstance(pixels, ImageError)]
        answers = _answers(runner, np.stack(good), threshold, top) if good else iter(())
        for file, found in zip(part, read_or_not, strict=True):
            yield found if isinstance(found, ImageError) else Answer(file, *next(answers))


def _answers(
    runner: "Runner", pixels: NDArray[np.uint8], threshold: Thresholds, top: int
) -> Iterator[tuple[tuple[tuple[str, float], ...], int, int, float]]:
    names, macs = runner.manifest["class_names"], runner.manifest["macs"]
    logits, exits, first = runner.scored(pixels, threshold)
    for row, e, unsure in zip(logits, exits.tolist(), first.tolist(), strict=True):
        scores = np.exp(row - row.max())
        best = np.argsort(-row, kind="stable")[:top]
        ranked = tuple((names[c], float(scores[c] / scores.sum())) for c in best)
        yield ranked, e, macs[e], unsure


def _read_or_error(read: Reader, file: Path) -> NDArray[np.uint8] | ImageError:
    try:
        return read(file)
    except ImageError as error:
        return error
