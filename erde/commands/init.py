"""Look at a folder of images, and write an experiment file for it, with comments."""

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from erde_core.errors import ErdeError

if TYPE_CHECKING:
    from erde.datasets.class_folders import ClassFolders

_EXPERIMENTS = Path("workflow/experiments")
_HELD_OUT = 0.1  # of the training images, for validation
_SAMPLES = 200  # images whose size is looked at

_SMALL = 64  # pixels: images up to here are taken as they are, and padded
_SIDES = (64, 96, 128, 160)  # of larger ones, after scaling; more is slow without a GPU

_AS_THEY_ARE = """\
  image_size: [{height}, {width}]  # height, width in pixels, of every image
  validation: {validation}  # train images held out, to choose thresholds on

# What a training may do to an image: shift it by up to `pad` pixels, mirror it.
# flip: false where left and right mean something, as in digits and text.
augment: {{pad: {pad}, flip: true}}
"""
_SCALED = """\
  image_size: {height}  # pixels of both sides after scaling: 224 sees more, and takes longer
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
        ValueError: the folder has no class folders, the file is there already, or its name is no
            experiment's; one sentence.
    """
    from erde.datasets.class_folders import list_class_folders
    from erde.experiment.names import check_experiment_file
    from erde.experiment.schema import read_experiment

    file = options.output or _default(options.folder)
    check_experiment_file(file)
    found = list_class_folders(options.folder)
    text = _written(found, _common_size(found), file)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ErdeError(f"{file}: is there already; --output names another file") from None
    try:
        read_experiment(file)
    except ErdeError:
        file.unlink()
        raise
    print(f"{file}: written; `erde check {file}` says what it comes to")
    return 0


def _default(folder: Path) -> Path:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", folder.resolve().name).strip("_.-")[:200] or "mine"
    return (_EXPERIMENTS if _EXPERIMENTS.is_dir() else Path()) / f"{name}.yaml"


def _written(found: "ClassFolders", size: tuple[int, int], file: Path) -> str:
    import json

    train, smallest = found.count("train"), min(map(len, found.files["train"]))
    if smallest < 2:
        raise ErdeError(
            f"{found.path}/train: every class must have at least 2 images, one of them for "
            f"validation, got {smallest}"
        )
    height, width = size
    scaled = max(size) > _SMALL
    pad = max(1, min(16, round(min(size) / 8)))
    orbit = (2 * pad + 1) ** 2 * 2
    validation = max(len(found.classes), round(train * _HELD_OUT))
    batch = max(2, min(32 if scaled else 128, (train - validation) // 4))
    images = (_SCALED if scaled else _AS_THEY_ARE).format(
        height=height, width=width, validation=validation, pad=pad
    )
    return _TEXT.format(
        count_train=train,
        count_test=found.count("test"),
        classes=len(found.classes),
        quoted=json.dumps(str(found.path), ensure_ascii=False),
        file=file,
        name=file.stem,
        images=images,
        teacher="resnet18" if scaled else "resnet34",
        kind="crops" if scaled else f"of the {orbit} views",
        views=20 if scaled else "all" if orbit <= 200 else 100,
        batch=batch,
        rate=round(0.1 * max(1, batch // 32) / 4, 4),
    )


def _common_size(found: "ClassFolders") -> tuple[int, int]:
    """(height, width) for the network, by a sample spread over all images."""
    from PIL import Image, UnidentifiedImageError

    files = [file for part in found.files.values() for of_class in part for file in of_class]
    sizes: Counter[tuple[int, int]] = Counter()
    for file in files[:: -(-len(files) // _SAMPLES)]:
        try:
            with Image.open(file) as image:
                sizes[image.height, image.width] += 1
        except (UnidentifiedImageError, OSError) as error:
            raise ErdeError(f"{file}: must be a readable image, got: {error}") from None
    if len(sizes) == 1 and max(next(iter(sizes))) <= _SMALL:
        return next(iter(sizes))
    short = sorted(min(size) for size in sizes.elements())
    side = max((s for s in _SIDES if s <= short[len(short) // 2]), default=min(_SIDES))
    return side, side
