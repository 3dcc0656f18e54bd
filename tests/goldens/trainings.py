"""The small trainings whose weights are held to the bit, and what they depend on.

``python -m tests.goldens.trainings`` records the hashes of this machine in ``weights.json``, beside
those of other processors. Record anew only when a change of the bits is meant, and say so in the
commit.
"""

import json
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from erde_core import method_settings
from erde_core.store.dataset import dataset_hash
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.weights import network_hash
from erde_torch.training.settings import (
    AugmentSettings,
    StudentSettings,
    TeacherSettings,
    TrainSettings,
)
from erde_torch.training.student import train_student
from erde_torch.training.teacher import train_teacher
from tests.hosts import own_host
from tests.images import pattern_dataset

FILE = Path(__file__).with_name("weights.json")
PRECISIONS = ("float32", "bf16")
DECAYS = {"plain": 0.0, "ema": 0.9}
NAMES = [
    f"{part} {precision} {decay}"
    for part in ("teacher", "student")
    for precision in PRECISIONS
    for decay in DECAYS
]
AUGMENT = AugmentSettings(pad=1, flip=True)  # 18 views


def processor() -> str:
    """What the bits of a CPU training depend on: PyTorch and the instructions that it uses."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    used = sorted(name for name, there in capabilities.items() if there is True)
    return " ".join([torch.__version__.partition("+")[0], *used])


def weights(name: str) -> str:
    """The hash of the weights after two epochs of the training called ``name``."""
    part, precision, decay = name.split()
    torch.set_num_threads(1)
    dataset = pattern_dataset()
    hashed = dataset_hash(dataset)
    train = TrainSettings(epochs=2, batch_size=24, precision=precision, ema_decay=DECAYS[decay])
    # The steps are too few for such an average, whose bits are what is recorded.
    unchecked = mock.patch.object(TrainSettings, "check_average")
    with tempfile.TemporaryDirectory() as folder, unchecked:
        host = own_host(Path(folder))
        if part == "teacher":
            teacher = TeacherSettings(
                network=NetworkSettings(name="resnet34", width=1 / 16), train=train, seed=3
            )
            network, _, _ = train_teacher(dataset, hashed, teacher, AUGMENT, host)
        else:
            student = StudentSettings(
                network=NetworkSettings(name="resnet10", width=1 / 16), train=train
            )
            network, _, _ = train_student(
                dataset,
                hashed,
                student,
                AUGMENT,
                None,
                method_settings("erde"),
                4,
                host,
                cached=teacher_rows(len(dataset.train)),
                teacher_hash="made by the tests",
            )
    return network_hash(network)


def teacher_rows(samples: int):
    """Logits of a teacher that is often, not always, right: exact in float16."""
    rng = np.random.default_rng(1)
    logits = (
        rng.normal(0, 2, (18, samples, 4, 10)) + 3 * np.eye(10)[np.arange(samples) % 10][:, None]
    )
    logits = torch.from_numpy(logits.astype(np.float16))

    def rows(chosen, views):
        return logits[torch.from_numpy(views), torch.from_numpy(chosen)]

    return rows


def first_weights(name: str) -> str:
    """The hash of a network as it is before the first step: seed, network."""
    from erde_torch.training.data import network_card
    from erde_torch.training.loop import seed_initialisation

    dataset = pattern_dataset()
    seed_initialisation(3)
    card = network_card(dataset, "", NetworkSettings(name=name, width=1 / 8), "float32")
    return network_hash(card.build())


def record() -> None:
    """Add this machine's hashes to the file."""
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    found = {
        f"first {name}": first_weights(name)
        for name in ("resnet10", "resnet18", "resnet34", "resnet50")
    }
    found |= {name: weights(name) for name in NAMES}
    known[processor()] = found
    FILE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
