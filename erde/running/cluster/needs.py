"""How much main memory a stage needs, from the experiment file alone. Imports no torch.

An upper bound to ask a scheduler for, before any data set is there: too much costs some waiting,
too little costs the job. On a GPU the activations lie elsewhere, and the bound is loose.
"""

import functools
import os
from pathlib import Path

from erde.experiment.schema import Experiment
from erde_torch.networks.table import family_of
from erde_torch.training.settings import StudentSettings, TeacherSettings

# Images of all splits, side in pixels and channels of the published data sets.
_PUBLISHED = {"cifar10": (60_000, 32, 3), "cifar100": (60_000, 32, 3), "svhn": (99_289, 32, 3)}
_CLASSES = {"cifar100": 100}  # 10 for the other published ones
_DIGITS_HELD_OUT = 1_000
_FLOAT16_BYTES, _FLOAT32_BYTES = 2, 4

_BASE_MB = 3_000  # Python, PyTorch with its GPU libraries, and the two Snakemakes around a job
_COPIES_READ = 8  # of the pixels, while archives are unpacked and split
_COPIES_TRAINED = 4  # as stored, padded, and while one becomes the other
_MOST_EXITS = 64  # of a network whose exits only PyTorch can count
_STEM_MAPS = 6  # convolution, norm, activation and pooling, forward and backward
_ASKED = 64  # images in training that weigh as much as a batch that is only asked (500)


def memory_mb(experiment: Experiment, stage: str) -> int:
    """MB of main memory for ``data``, ``teacher``, ``cache``, ``verify``, ``student``, ``rival``
    or ``exit_logits``."""
    images, height, width, channels = _images(experiment)
    pixels = images * height * width * channels
    if stage == "data":
        return _in_mb(_COPIES_READ * pixels)
    padded = (height + 2 * experiment.augment.pad) * (width + 2 * experiment.augment.pad)
    data = _COPIES_TRAINED * images * padded * channels
    teacher = _activations(experiment.teacher, height, width, channels)
    student = _activations(experiment.student, height, width, channels)
    cache = _cache_bytes(experiment, images)
    cached = any(variant.reads_cache for variant in experiment.variants.values())
    most = max(_exits(experiment.teacher), _exits(experiment.student))
    view = images * most * _classes(experiment) * (2 * _FLOAT32_BYTES + 2 * _FLOAT16_BYTES)
    processes = {
        "teacher": experiment.teacher.train.processes,
        "student": experiment.student.train.processes,
        "rival": experiment.student.train.processes,
    }
    return processes.get(stage, 1) * _in_mb(
        data
        + {
            "teacher": teacher,
            "cache": teacher + view,
            "verify": teacher + cache,
            # The cache is mapped, and copied on its way to a GPU; the teacher may be asked online.
            "student": student + teacher + 2 * cached * cache,
            "rival": student + 2 * cache,
            "exit_logits": max(teacher, student) + view,
        }[stage]
    )


def _images(experiment: Experiment) -> tuple[int, int, int, int]:
    """Number of all images, height, width, channels."""
    source = experiment.dataset
    if source.name == "digits":
        return source.train_images + _DIGITS_HELD_OUT, source.canvas, source.canvas, 1
    if source.name == "folder":
        return _folder(source.path)[0], *source.image_size, 3
    count, side, channels = _PUBLISHED[source.name]
    return count, side, side, channels


@functools.cache
def _folder(root: str) -> tuple[int, int]:
    """Images under ``root/<split>/<class>``, and classes; none where there is no such folder."""
    classes = [folder for folder in Path(root).glob("*/*") if folder.is_dir()]
    images = sum(len(os.listdir(folder)) for folder in classes)
    return images, len({folder.name for folder in classes})


def _classes(experiment: Experiment) -> int:
    source = experiment.dataset
    return _folder(source.path)[1] if source.name == "folder" else _CLASSES.get(source.name, 10)


def _cache_bytes(experiment: Experiment, images: int) -> int:
    chosen = experiment.cache.view_count
    views = experiment.augment.orbit if chosen is None else chosen
    return views * images * _exits(experiment.teacher) * _classes(experiment) * _FLOAT16_BYTES


def _exits(part: TeacherSettings | StudentSettings) -> int:
    return part.network.exit_count or _MOST_EXITS


def _activations(
    part: TeacherSettings | StudentSettings, height: int, width: int, channels: int
) -> int:
    network = part.network.resolved((channels, height, width))
    family = family_of(network.name)
    maps = float(family.maps_of(network.name))
    if network.stem == "imagenet":  # stages at a quarter of both sides, the stem at half of them
        maps = maps / 16 + _STEM_MAPS / 4
    images = max(part.train.batch_size, _ASKED)
    floats = images * height * width * maps * family.channels * network.width
    return int(floats * _FLOAT32_BYTES)


def _in_mb(size: int) -> int:
    return _BASE_MB + -(-size // 10**6)
