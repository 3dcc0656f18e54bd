"""Look at a folder of images, and write an experiment file for it, with comments."""

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from erde_core.errors import ErdeError

if TYPE_CHECKING:
    from erde.datasets.class_folders import ClassFolders

_EXPERIMENTS = Path("workflow/experiments")
_HELD_OUT = 0.1  # of the training images, for validation
_SAMPLES = 200  # images whose size is looked at

_AS_SMALL, _SMALL = 8, 64  # pixels: sides of images that are taken as they are, and padded
# Of all others, after scaling; more is slow without a GPU.
_SIDES = (32, 40, 48, 56, 64, 96, 128, 160)

_AS_THEY_ARE = """\
  image_size: [{height}, {width}]  # height, width in pixels, of every image
  validation: {validation}  # train images held out, to choose thresholds on

# What a training may do to an image: shift it by up to `pad` pixels, mirror it.
# flip: false where left and right mean something, as in digits and text.
augment: {{pad: {pad}, flip: true}}
"""
_SCALED = """\
  image_size: {height}  # pixels of both sides; larger takes longer (median short side: {short})
  resize: crop  # cuts the middle out; pad keeps the whole, stretch changes its shape
  validation: {validation}  # train images held out, to choose thresholds on; or a fraction

# What a training sees of an image: a part of it, scaled, mirrored, in other colours.
# flip: false where left and right mean something, as in text.
augment: {{crops: {{scale: [0.35, 1]}}, flip: true, colour: 0.2}}
"""

_TEXT = """\
# {count_train:,} train and {count_test:,} test images of {classes} classes in {quoted}.
# `erde check {file}` says what would be trained; `erde run {name}` does it (in a clone).
dataset:
  name: folder
  path: {quoted}
{images}
# The accurate network, trained once.
teacher:
  network: {{name: {teacher}}}
  train: {{epochs: 60, batch_size: {batch}, learning_rate: {rate}}}

# Its answers are kept for so many {kind} of each image; more are better, and take more room.
cache: {{views: {views}}}

# The cheap network that leaves early, trained for each variant and seed.
student:
  network: {{name: resnet10, width: 0.5}}
  train: {{epochs: 60, batch_size: {batch}, learning_rate: {rate}}}

seeds: [0, 1, 2]  # fewer are faster, and say less of what another training would give

variants:
  ce: {{method: ce}}  # without a teacher
  kd: {{method: kd}}  # plain distillation
  erde: {{method: erde}}
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """``FOLDER`` and ``--output``."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="holds train/<class>/ and test/<class>/"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help=f"instead of {_EXPERIMENTS}/<folder>.yaml"
    )


def run(options: argparse.Namespace) -> int:
    """Write it and say where; a file that is there is left as it is.

    Raises:
        ValueError: the folder has no class folders or an image that cannot be used, its name is no
            text, the file is there already, or its name is no experiment's; one sentence.
    """
    from erde.datasets.class_folders import list_class_folders
    from erde.datasets.images import DatasetError, readable
    from erde.experiment.names import check_experiment_file

    file = options.output or _default(options.folder)
    check_experiment_file(file)
    if readable(options.folder) != str(options.folder):
        raise DatasetError(f"{readable(options.folder)}: must have a name in UTF-8")
    found = list_class_folders(options.folder)
    _write_new(file, _written(found, _network_size(found), file))
    shown = readable(file)
    print(f"{shown}: written; `erde check {shown}` says what it comes to")
    return 0


def _write_new(file: Path, text: str) -> None:
    """As an experiment that can be read, or not at all."""
    from erde.experiment.schema import read_experiment

    try:
        out = file.open("x", encoding="utf-8")
    except FileExistsError:
        raise ErdeError(f"{file}: is there already; --output names another file") from None
    try:
        with out:
            out.write(text)
        read_experiment(file)
    except BaseException:
        file.unlink()
        raise


def _default(folder: Path) -> Path:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", folder.resolve().name).strip("_.-")[:200] or "mine"
    return (_EXPERIMENTS if _EXPERIMENTS.is_dir() else Path()) / f"{name}.yaml"


@dataclass(frozen=True)
class _Size:
    """What the network sees: (height, width), whether images are scaled to it, and how large the
    short side of the middle one is; pixels."""

    height: int
    width: int
    scaled: bool
    short: int


def _written(found: "ClassFolders", size: _Size, file: Path) -> str:
    train, smallest = found.count("train"), min(map(len, found.files["train"]))
    if smallest < 2:
        raise ErdeError(
            f"{found.path}/train: every class must have at least 2 images, one of them for "
            f"validation, got {smallest}"
        )
    scaled = size.scaled
    pad = max(1, min(16, round(min(size.height, size.width) / 8)))
    orbit = (2 * pad + 1) ** 2 * 2
    validation = max(len(found.classes), round(train * _HELD_OUT))
    batch = max(2, min(32 if scaled else 128, (train - validation) // 4))
    images = (_SCALED if scaled else _AS_THEY_ARE).format(
        height=size.height, width=size.width, short=size.short, validation=validation, pad=pad
    )
    return _TEXT.format(
        count_train=train,
        count_test=found.count("test"),
        classes=len(found.classes),
        quoted=_escaped(json.dumps(str(found.path), ensure_ascii=False)),
        file=_escaped(str(file)),
        name=file.stem,
        images=images,
        teacher="resnet18" if scaled else "resnet34",
        kind="crops" if scaled else f"of the {orbit} views",
        views=20 if scaled else "all" if orbit <= 200 else 100,
        batch=batch,
        rate=round(0.1 * max(1, batch // 32) / 4, 4),
    )


def _escaped(text: str) -> str:
    """As YAML writes what would end a line, or cannot be seen."""
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def _network_size(found: "ClassFolders") -> _Size:
    """Small images of one size are taken as they are; of all others a sample is looked at."""
    files = [file for part in found.files.values() for of_class in part for file in of_class]
    sample = list(_sizes(files[:: -(-len(files) // _SAMPLES)]))
    first, shorts = sample[0], sorted(map(min, sample))
    short = shorts[len(shorts) // 2]
    small = min(first) >= _AS_SMALL and max(first) <= _SMALL and set(sample) == {first}
    if small and all(size == first for size in _sizes(files)):
        return _Size(*first, False, short)
    side = max((s for s in _SIDES if s <= short), default=min(_SIDES))
    return _Size(side, side, True, short)


def _sizes(files: Iterable[Path]) -> Iterator[tuple[int, int]]:
    """Upright (height, width) of each."""
    from erde.datasets.image_file import ImageError, look
    from erde.datasets.images import DatasetError, readable

    for file in files:
        try:
            yield look(file, (1, 1), "crop")[0]
        except ImageError as error:
            raise DatasetError(readable(error)) from None
