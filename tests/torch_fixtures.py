"""What the tests of the PyTorch backend share: one thread, small networks, a place to run."""

import functools

import numpy as np
import pytest
import torch

from erde_core.store.dataset import dataset_hash
from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.settings import AugmentSettings, TrainSettings
from tests.erde_torch.repeated_training import EPOCHS, Training
from tests.hosts import own_host

__all__ = [
    "_one_thread",
    "_operators_read_once",
    "augment",
    "deployable",
    "environment",
    "exported",
    "make_network",
    "said",
    "short_training",
    "small_network",
    "tiny_hash",
    "training",
]

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _operators_read_once():
    """Each export reads PyTorch's table of ONNX operators anew, a third of its time."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    with pytest.MonkeyPatch.context() as patch:
        once = staticmethod(functools.cache(ONNXRegistry.from_torchlib))
        patch.setattr(ONNXRegistry, "from_torchlib", once)
        yield


@pytest.fixture
def small_network():
    """Settings: ResNet10 at a sixteenth of its width."""
    return NetworkSettings(name="resnet10", width=1 / 16)


@pytest.fixture
def augment():
    """18 views."""
    return AugmentSettings(pad=1, flip=True)


@pytest.fixture
def said():
    """What a stage told the person who watches."""
    return []


@pytest.fixture
def environment(tmp_path, said):
    """``environment(code=…, folder=…, checkpoint_seconds=…)`` on the CPU."""

    def make(code="code", folder="checkpoints", checkpoint_seconds=1e9):
        return own_host(tmp_path / folder, code, checkpoint_seconds, said.append)

    return make


@pytest.fixture(scope="session")
def tiny_hash(tiny_dataset):
    return dataset_hash(tiny_dataset)


@pytest.fixture
def make_network(small_network):
    """A fresh network for the tiny data set, in eval mode: ``make_network(seed)``."""

    def make(seed=0, classes=10, image_shape=(3, 16, 16)):
        torch.manual_seed(seed)
        return build_network(small_network, classes, image_shape).eval()

    return make


@pytest.fixture
def short_training():
    """``short_training(epochs=…)``: 5 steps per epoch on the tiny data set."""

    def make(epochs=2, **changes):
        return TrainSettings(epochs=epochs, **{"batch_size": 24, "precision": "float32"} | changes)

    return make


@pytest.fixture
def training(tiny_dataset, augment, make_network, short_training, tmp_path, said):
    def make(folder="checkpoints", **changes):
        train = short_training(EPOCHS, **changes)
        return Training(tiny_dataset, augment, make_network, train, tmp_path / folder, said.append)

    return make


@pytest.fixture(scope="session")
def deployable():
    """A random network, 150 images, and what the evaluation says of them."""
    from tests.erde_torch.deployable import evaluated, random_network

    pixels = np.random.default_rng(0).integers(0, 256, (150, 16, 16, 3))
    return evaluated(random_network(), pixels)


@pytest.fixture(scope="session")
def exported(deployable, tmp_path_factory):
    """The folder that ships ``deployable``; copy what you edit."""
    from erde.deployment.program import PROGRAM_FILES
    from erde_torch.export.folder import write_deployment
    from erde_torch.export.manifest import deployment_manifest
    from tests.erde_torch.deployable import card_of, exit_logits

    folder = tmp_path_factory.mktemp("exported") / "erde-seed0"
    card, exits = card_of(deployable), exit_logits(deployable)
    manifest = deployment_manifest(card, exits, 10**6, "tests", folder.name)
    write_deployment(folder, deployable.network, manifest, PROGRAM_FILES)
    return folder
