"""Networks with spread-out entropies, without training, and what the evaluation says of them."""

import copy
from dataclasses import dataclass

import numpy as np
import torch

from erde_core.scores.scored_logits import score_logits
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.viewed_images import plain_images
from erde_torch.networks.weights import NetworkCard, network_hash

SETTINGS = {"name": "resnet10", "width": 0.0625, "head_pool": "avg2", "head_dropout": 0.5}
MEAN, STD = (0.5, 0.4, 0.6), (0.25, 0.3, 0.2)


@dataclass
class Case:
    network: torch.nn.Module
    pixels: np.ndarray
    images: torch.Tensor
    split: SplitLogits
    macs: np.ndarray


def random_network(classes=10, side=16):
    """Random weights, the heads' scaled: else all entropies are nearly log C."""
    torch.manual_seed(0)
    network = build_network(NetworkSettings(**SETTINGS), classes, (3, side, side))
    with torch.no_grad():
        for head in network.heads:
            head[-1].weight.mul_(12)
    return network.eval()


def with_a_masked_class(network):
    """A copy that gives class 0 no probability at any exit: its logits are -inf."""
    masked = copy.deepcopy(network)
    with torch.no_grad():
        for head in masked.heads:
            head[-1].bias[0] = -torch.inf
    return masked


def evaluated(network, pixels):
    """Exit logits as the evaluation collects them: the whole network, one large batch."""
    viewed = plain_images(pixels.astype(np.uint8), MEAN, STD, torch.device("cpu"))
    everyone = torch.arange(len(pixels))
    images = viewed.batch(everyone, torch.zeros_like(everyone))
    with torch.no_grad():
        logits = network(images).numpy()
    labels = np.zeros(len(pixels), np.int64)
    macs = exit_macs(network, tuple(images.shape[1:]))
    return Case(network, pixels.astype(np.uint8), images, SplitLogits(logits, labels, labels), macs)


def exit_logits(case, label="entropy", right=1):
    """The case as both splits of an exit-logits file, with its exit ``right`` always right.

    ``right`` may name an exit for each image.
    """
    answers = case.split.logits.argmax(axis=2)
    labels = answers[np.arange(len(answers)), right]
    split = SplitLogits(case.split.logits, labels, np.arange(len(labels)))
    exits = ExitLogits(split, split, case.macs, "0" * 64, network_hash(case.network))
    return score_logits(label, exits)


def card_of(case):
    """A card for the case's network."""
    classes, shape = case.split.logits.shape[2], tuple(case.images.shape[1:])
    names = tuple(f"class {c}" for c in range(classes))
    return NetworkCard(SETTINGS, shape, names, MEAN, STD, "0" * 64, "float32")
