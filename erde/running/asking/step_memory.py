"""What a training step takes at least, as a process of its own counts it."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from erde.datasets.source import Facts
from erde.running.asking.questions import Questions
from erde.running.asking.versions import installed_version
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.table import family_of
from erde_torch.training.settings import TrainSettings


@dataclass(frozen=True)
class Step:
    """Of one network.

    Attributes:
        weights: how many numbers they are.
        image_bytes: kept of each image until the backward pass, in float32.
        image_operations: of each image, forward and backward.
    """

    weights: int
    image_bytes: int
    image_operations: int


@dataclass(frozen=True)
class Device:
    """What trains.

    Attributes:
        memory_bytes: its own memory; 0 where it computes in main memory, None where it does not
            say.
        precision: what ``auto`` is there.
        operations_per_second: by a convolution of middling size, in each precision that was asked
            about; nothing of a GPU that somebody else's job fills.
    """

    memory_bytes: int | None
    precision: str
    operations_per_second: Mapping[str, float]


def weight_copies(train: TrainSettings) -> int:
    """Numbers for each weight that last from step to step; gradients come as activations go."""
    moments = 2 if train.optimiser == "adamw" else int(train.momentum > 0)
    return 1 + moments + int(train.ema_decay > 0)


def step_memory(
    networks: Sequence[NetworkSettings],
    facts: Facts,
    device: str,
    questions: Questions,
    precisions: Sequence[str] = ("auto",),
) -> tuple[list[Step], Device]:
    """The step of each network, and the device that ``device`` (``cpu``, ``cuda``, ``auto``) is.

    Args:
        networks, facts: what is trained on what.
        device: as the experiment says.
        questions: who is asked.
        precisions: in which the device is timed, as trainings say.

    Raises:
        ValueError: a network cannot be built for these images.
    """
    needs = sorted({need for network in networks for need in family_of(network.name).needs})
    words = {
        "networks": [network.described() for network in networks],
        "classes": facts.classes,
        "shape": [facts.channels, facts.height, facts.width],
        "device": device,
        "precisions": sorted(set(precisions)),
        "machine": [platform.node(), os.environ.get("CUDA_VISIBLE_DEVICES")],
        "versions": [version for version in map(installed_version, needs) if version],
    }
    found = questions.ask("step_memory", words)
    return [Step(**step) for step in found["steps"]], Device(**found["device"])
