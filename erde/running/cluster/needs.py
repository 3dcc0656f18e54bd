"""How much main memory a job needs, from the experiment file alone. Imports no torch.

An upper bound to ask a scheduler for, before any data set is there: too much costs some waiting,
too little costs the job. On a GPU the activations lie elsewhere, and the bound is loose. Of models
that our table does not know one by one, PyTorch is asked, in a process of its own.
"""

import functools
import math

from erde.datasets.images import DatasetError
from erde.datasets.source import Facts, SourceSettings
from erde.datasets.sources import SOURCES
from erde.experiment.schema import Experiment
from erde.running.asking.questions import Questions
from erde.running.asking.step_memory import step_memory
from erde_torch.networks.cascades.settings import AnyNetwork
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.table import NETWORKS, family_of
from erde_torch.teachers.settings import LogitsTeacher
from erde_torch.training.settings import TeacherSettings, TrainSettings

_FLOAT16_BYTES, _FLOAT32_BYTES = 2, 4

_BASE_MB = 3_000  # Python, PyTorch with its GPU libraries, and the two Snakemakes around a job
_COPIES_READ = 8  # of the pixels, while archives are unpacked and split
_COPIES_AT_LEAST = 2  # of the pixels, as read and as split
_COPIES_TRAINED = 4  # as stored, padded, and while one becomes the other
_MOST_EXITS = 64  # assumed where only PyTorch can count the exits
_STEM_MAPS = 6  # convolution, norm, activation and pooling, forward and backward
_ASKED = 64  # images in training that weigh as much as a batch that is only asked (500)
_SMALL = 64  # pixels of the larger side above which a network starts by shrinking images
_TIMES_COUNTED = 3.3  # the bound of our own networks is 2.2 to 3.3 times what a step keeps at least


def memory_mb(experiment: Experiment, job: str, questions: Questions) -> int:
    """MB of main memory that a job needs, at most.

    Args:
        experiment: which exits its networks have is known.
        job: ``data``, ``teacher``, ``cache``, ``verify``, ``student``, ``rival`` or
            ``exit_logits``.
        questions: who is asked about models of a library.

    Raises:
        ValueError: a network cannot be built for these images.
    """
    facts = facts_or_none(experiment)
    if facts is None:
        return _BASE_MB
    images, height, width, channels = facts.images, facts.height, facts.width, facts.channels
    if job == "data":
        return _in_mb(
            0 if _streams(experiment) else _COPIES_READ * images * height * width * channels
        )
    data = 0
    if experiment.augment.crops is None:
        padded = (height + 2 * experiment.augment.pad) * (width + 2 * experiment.augment.pad)
        data = _COPIES_TRAINED * images * padded * channels
    teacher = _asked_teacher(experiment, facts, questions)
    students = {training.settings for training in experiment.trainings().values()}
    student, rival = (
        max(_activations(one.network, one.train, facts, questions) for one in trained_so)
        for trained_so in (students, [experiment.rival().settings])
    )
    cache = cache_bytes(experiment, facts)
    cached = any(variant.reads_cache for variant in experiment.variants.values())
    used = [experiment.network_of(label) for label in experiment.variants]
    most = max(_taught(experiment), *map(_exits, used))
    view = images * most * facts.classes * (2 * _FLOAT32_BYTES + 2 * _FLOAT16_BYTES)
    trained = experiment.trained_teacher
    processes = {
        "teacher": trained.train.processes if trained else 1,
        "student": experiment.student.train.processes,
        "rival": experiment.student.train.processes,
    }
    return processes.get(job, 1) * _in_mb(
        data
        + {
            "teacher": teacher,
            "cache": teacher + view,
            "verify": teacher + cache,
            # The cache is mapped, and copied on its way to a GPU; the teacher may be asked online.
            "student": student + teacher + 2 * cached * cache,
            "rival": rival + 2 * cache,
            "exit_logits": max(teacher, student) + view,
        }[job]
    )


def least_data_bytes(experiment: Experiment) -> int:
    """What preparing the data set takes at least, below the upper bound; 0 if unknown."""
    facts = facts_or_none(experiment)
    if facts is None or _streams(experiment):
        return 0
    pixels = facts.images * facts.height * facts.width * facts.channels
    return _COPIES_AT_LEAST * pixels


def most_training_bytes(network: NetworkSettings, train: TrainSettings, facts: Facts) -> int:
    """What a training of ``network`` takes at most by our table, data and cache left out.

    Args:
        network, train: what is trained, and how.
        facts: of the images.
    """
    base = train.processes * _BASE_MB * 10**6
    return base + train.batch_size * _kept_per_image(network, facts)


def _streams(experiment: Experiment) -> bool:
    """Whether images go into the file as they are read, few of them in memory."""
    return bool(SOURCES[experiment.dataset.name].streamer)


def facts_or_none(experiment: Experiment) -> Facts | None:
    """What is known of the data set; None of a folder that cannot be listed."""
    return _facts(experiment.dataset)


@functools.cache
def _facts(source: SourceSettings) -> Facts | None:
    try:
        return source.facts()
    except (DatasetError, OSError):
        return None


def cache_bytes(experiment: Experiment, facts: Facts) -> int:
    """The size of the teacher's cache, at most."""
    views = experiment.cache.view_count or experiment.augment.orbit
    exits = _taught(experiment)
    return views * facts.images * exits * facts.classes * _FLOAT16_BYTES


def _exits(network: AnyNetwork) -> int:
    return network.exit_count or _MOST_EXITS


def _taught(experiment: Experiment) -> int:
    """Exits of the teacher, at most."""
    return experiment.exits.teacher or _MOST_EXITS


def _asked_teacher(experiment: Experiment, facts: Facts, questions: Questions) -> int:
    """Bytes of the teacher at work: in training, or when a given one is only asked."""
    teacher = experiment.teacher
    if isinstance(teacher, TeacherSettings):
        return _activations(teacher.network, teacher.train, facts, questions)
    files = _COPIES_READ * sum(path.stat().st_size for path in teacher.files.values())
    if isinstance(teacher, LogitsTeacher):
        return files
    sides = teacher.seen.image_size or (facts.height, facts.width)
    family = NETWORKS["timm"]  # as large as any
    maps = family.maps_of("") * family.channels / (16 if max(sides) > _SMALL else 1)
    return files + int(_ASKED * math.prod(sides) * maps * _FLOAT32_BYTES)


def _activations(
    network: NetworkSettings, train: TrainSettings, facts: Facts, questions: Questions
) -> int:
    if "" in family_of(network.name).maps:  # one number for all models of a library
        step = step_memory([network], facts, "cpu", questions)[0][0]
        kept = int(_TIMES_COUNTED * step.image_bytes)
    else:
        kept = _kept_per_image(network, facts)
    return max(train.batch_size, _ASKED) * kept


def _kept_per_image(network: NetworkSettings, facts: Facts) -> int:
    """Bytes that forward and backward keep of one image, at most."""
    network = network.resolved((facts.channels, facts.height, facts.width))
    family = family_of(network.name)
    maps = float(family.maps_of(network.name))
    if network.stem == "imagenet":  # stages at a quarter of both sides, the stem at half of them
        maps = maps / 16 + _STEM_MAPS / 4
    floats = facts.height * facts.width * maps * family.channels * network.width
    return int(floats * _FLOAT32_BYTES)


def _in_mb(size: int) -> int:
    return _BASE_MB + -(-size // 10**6)
