"""One small network in 8 bits, its exit logits and its deployment."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from erde.deployment.program import INT8_PROGRAM_FILES
from erde.deployment.runner import Runner
from erde_core.images import ImageDataset, Split
from erde_core.scores.scored_logits import score_logits
from erde_torch.export.manifest import deployment_manifest
from erde_torch.int8.deployment import write_int8_deployment
from erde_torch.int8.exit_logits import int8_exit_logits
from erde_torch.int8.quantise import quantised_network
from erde_torch.int8.settings import Int8Settings
from erde_torch.networks.weights import NetworkCard
from tests.erde_torch.deployable import MEAN, SETTINGS, STD, random_network
from tests.torch_fixtures import *  # noqa: F403 -- pytest finds fixtures by their names here

NAMES = tuple(f"class {c}" for c in range(10))
BRIGHTEST_TRAINED = 99


def split(rng, count, brightest):
    """Images with contrasts of their own, so that the entropies differ."""
    contrast = rng.uniform(0.1, 1, (count, 1, 1, 1))
    pixels = rng.integers(0, brightest + 1, (count, 16, 16, 3)) * contrast
    pixels[0, 0, 0] = brightest
    labels = np.arange(count) % 10
    return Split(pixels.astype(np.uint8), labels, np.arange(count))


@dataclass
class InInt8:
    network: object
    card: object
    dataset: object
    stages: list
    exits: object

    def ship(self, folder, exits=None, stages=None, label="entropy", **changes):
        """Write a deployment and give its runner; ``changes`` go into the manifest."""
        manifest = deployment_manifest(
            self.card, score_logits(label, exits or self.exits), 10**6, "tests", "x-int8"
        )
        write_int8_deployment(folder, stages or self.stages, manifest | changes, INT8_PROGRAM_FILES)
        return Runner(folder)


@pytest.fixture(scope="session")
def images():
    """Validation and test images are brighter than any train image."""
    rng = np.random.default_rng(0)
    parts = split(rng, 96, BRIGHTEST_TRAINED), split(rng, 320, 255), split(rng, 150, 255)
    return ImageDataset(*parts, NAMES, MEAN, STD, "random")


def normed_network():
    """A random network; the norms of its heads do something."""
    network = random_network()
    with torch.no_grad():
        for head in network.heads[:-1]:
            for values in (head[0].weight, head[0].running_var):
                values.uniform_(0.5, 1.5)
            for values in (head[0].bias, head[0].running_mean):
                values.normal_(0, 0.1)
    return network


@pytest.fixture(scope="session")
def in_int8(images):
    network = normed_network()
    card = NetworkCard(SETTINGS, (3, 16, 16), NAMES, MEAN, STD, "0" * 64, "float32")
    stages = quantised_network(network, card, images, Int8Settings())
    exits = int8_exit_logits(stages, network, card, images, "0" * 64)
    # The second exit is right about all: a θ can be certified.
    val = replace(exits.val, labels=exits.val.logits[:, 1].argmax(axis=1))
    return InInt8(network, card, images, stages, replace(exits, val=val))


@pytest.fixture(scope="session")
def shipped(in_int8, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped") / "x-int8"
    in_int8.ship(folder)
    return folder
