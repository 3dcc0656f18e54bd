"""Every family from training to decisions: one epoch, exit logits, a deployment that agrees."""

import functools

import numpy as np
import pytest
import torch

from erde.datasets.digits import DigitsSettings, prepare
from erde.deployment.runner import predictor
from erde_core.scores.scored_logits import score_logits
from erde_core.settings import method_settings
from erde_core.store.dataset import dataset_hash
from erde_torch.export.agreement import deployment_agreement
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from erde_torch.networks.exit_logits import collect_exit_logits
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.settings import AugmentSettings, StudentSettings, TrainSettings
from erde_torch.training.student import train_student
from tests.erde_torch.networks.families.layer_shapes import macs_by_layer
from tests.hosts import own_host
from tests.torch_fixtures import _operators_read_once  # noqa: F401 -- a fixture

SMALL, LARGE = 24, 64
NETWORKS = {
    "resnet10": {"width": 1 / 16},
    "resnet8x4": {"width": 1 / 16},
    "wrn16_1": {"width": 1 / 4},
    "mobilenetv2": {"width": 1 / 4, "exits": [1]},
    "shufflenetv2": {"width": 1 / 4, "exits": [0]},
    "timm/mobilenetv3_small_050": {"exits": [0]},
    "timm/efficientnet_lite0": {"exits": [0]},
    "timm/vit_tiny_patch16_224": {"exits": [3]},
}
TRAIN = TrainSettings(epochs=1, batch_size=50, precision="float32")


@functools.cache
def digits_of(canvas):
    return prepare(DigitsSettings(name="digits", train_images=100, canvas=canvas), None)


def trained(name, dataset, folder):
    student = StudentSettings(network=NetworkSettings(name=name, **NETWORKS[name]), train=TRAIN)
    augment, loss, host = (
        AugmentSettings(pad=1, flip=False),
        method_settings("ce"),
        own_host(folder),
    )
    found = dataset, dataset_hash(dataset)
    return train_student(*found, student, augment, None, loss, 0, host)


def part_of(split):
    """So many images that each implementation decides a thousand times."""
    fields = vars(split).items()
    return type(split)(**{name: values[:50] for name, values in fields})


@pytest.mark.parametrize("name", NETWORKS)
def test_from_training_to_decisions(name, tmp_path):
    if name.startswith("timm/"):
        pytest.importorskip("timm")
    digits = digits_of(LARGE if "vit" in name else SMALL)
    network, card, history = trained(name, digits, tmp_path / "checkpoints")
    exits = collect_exit_logits(network, card, digits, dataset_hash(digits), torch.device("cpu"))
    np.testing.assert_array_equal(exits.macs, exit_macs(network, card.image_shape))
    assert exits.macs.tolist() == macs_by_layer(network, card.image_shape)
    assert len(exits.macs) == sum(column.startswith("val_accuracy") for column in history[0])

    images, logits = (part_of(split) for split in (digits.test, exits.test))

    def check(draft):
        found = deployment_agreement(network, card, predictor(draft), images, logits, exits.macs)
        for implementation, agreement in found:
            agreement.check(implementation)

    scored = score_logits("entropy", exits)
    manifest = deployment_manifest(card, scored, 10 * int(exits.macs[-1]), "families", name)
    write_deployment(tmp_path / "shipped", network, manifest, {}, check)
