"""What is rehearsed: every job of an experiment in small, on a device of choice."""

import itertools
from pathlib import Path

import numpy as np
import torch

from erde_core.settings import method_settings
from erde_core.store.dataset import dataset_hash
from erde_core.store.teacher_logits import read_teacher_logits
from erde_torch.networks.settings import NetworkSettings
from erde_torch.teacher_cache.fill import build_cache
from erde_torch.training.optimisation import step
from erde_torch.training.settings import (
    AugmentSettings,
    StudentSettings,
    TeacherSettings,
    TrainSettings,
)
from erde_torch.training.student import train_student
from erde_torch.training.teacher import train_teacher
from erde_torch.training.teacher_answers import CachedTeacher, OnlineTeacher
from tests.hosts import own_host
from tests.images import pattern_dataset

AUGMENT = AugmentSettings(pad=1, flip=True)  # 18 views
NETWORK = NetworkSettings(name="resnet10", width=1 / 16)
VIEWS, SEED = 3, 4
DATA = pattern_dataset()
HASH = dataset_hash(DATA)
FORMS = {
    "teacher": {},
    "teacher, average": {"ema_decay": 0.7},
    "teacher, bf16": {"precision": "bf16"},
    "teacher, AdamW": {"optimiser": "adamw", "learning_rate": 0.01},
    "teacher, equilibrium": {"gradient_scaling": "equilibrium"},
    "student, cached": {},
    "student, cached, average, warm-up": {"ema_decay": 0.7, "kd_warmup": 1.5},
    "student, cached, bf16": {"precision": "bf16", "ema_decay": 0.7},
    "student, online": {},
    "student, labels": {"method": "ce"},
}


class Jobs:
    """The jobs of one experiment on ``device``, each in a folder of its own below ``folder``."""

    def __init__(self, device: torch.device, folder: Path) -> None:
        self.device, self.folder, self.said = device, folder, []
        self._numbers = itertools.count()

    def host(self, name=None, seconds=1e9):
        name = name or f"job{next(self._numbers)}"
        return own_host(
            self.folder / name, seconds=seconds, say=self.said.append, device=self.device
        )

    def teacher(self, host=None, **train):
        """(network, history) of a teacher."""
        asked = TeacherSettings(network=NETWORK, train=settings(**train), seed=SEED)
        network, _, history = train_teacher(DATA, HASH, asked, AUGMENT, host or self.host())
        return network, history

    def student(self, host=None, views=VIEWS, method="erde", loss=(), **train):
        """The same of a student; ``cached`` or ``online`` is its teacher."""
        heard = {key: train.pop(key) for key in ("cached", "online") if key in train}
        asked = StudentSettings(network=NETWORK, train=settings(**train))
        formula = method_settings(method, **dict(loss))
        given = DATA, HASH, asked, AUGMENT, views, formula, SEED, host or self.host()
        network, _, history = train_student(*given, **heard)
        return network, history

    def cache(self, teachers, precision="float32"):
        """The opened cache of ``teachers`` (on any device)."""
        path = self.folder / f"cache{next(self._numbers)}.h5"
        build_cache(path, DATA, HASH, teachers, AUGMENT, VIEWS, precision, self.host())
        return read_teacher_logits(path)

    def rows(self, cache):
        return CachedTeacher(cache, self.device)

    def asked_online(self, network, precision="float32"):
        return OnlineTeacher(network, precision, self.device)


def start(name, jobs, network, logits, **more):
    """The training called ``name`` in ``FORMS``."""
    given = FORMS[name] | more
    if name.startswith("teacher"):
        return jobs.teacher(**given)
    if "cached" in name:
        given["cached"] = jobs.rows(logits)
    if "online" in name:
        given["online"] = jobs.asked_online(network)
    return jobs.student(**given)


def settings(**changes):
    """5 steps per epoch, two epochs."""
    return TrainSettings(
        **{"epochs": 2, "batch_size": 24, "precision": "float32", "threads": 1} | changes
    )


def bits(trained):
    """Weights on the CPU, and history without the clock."""
    network, history = trained
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history]
    return {name: t.detach().cpu() for name, t in network.state_dict().items()}, rows


def assert_same_bits(found, wanted):
    """Of two results of :func:`bits`."""
    assert found[0].keys() == wanted[0].keys()
    for name, tensor in wanted[0].items():
        assert torch.equal(found[0][name], tensor), name
    assert found[1] == wanted[1]


def to_float32(patch):
    """Rates as a GPU is given them, for a training on the CPU: AdamW would see more digits."""
    use = step.set_learning_rate
    patch.setattr(step, "set_learning_rate", lambda opt, rate: use(opt, float(np.float32(rate))))
