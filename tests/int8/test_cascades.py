"""Cascades in 8 bits: what passes by a member is not rounded, and so each answers as alone."""

import numpy as np
import torch

from erde_core.images import Split
from erde_core.softmax import log_softmax
from erde_core.store.exit_logits import SplitLogits
from erde_torch.export.agreement import deployment_agreement
from erde_torch.export.onnx_graph import stage_models
from erde_torch.int8.exit_logits import int8_exit_logits, split_logits
from erde_torch.int8.quantise import quantised_network, quantised_stages
from erde_torch.int8.runtime import normalised
from erde_torch.int8.settings import Int8Settings
from erde_torch.networks.build import build_network
from erde_torch.networks.cascades.settings import network_settings
from erde_torch.networks.weights import NetworkCard
from tests.erde_torch.deployable import MEAN, STD
from tests.int8.conftest import NAMES, InInt8

MEMBERS = [
    {"name": "resnet8x4", "width": 0.0625, "exits": [0]},
    {"name": "resnet8x4", "width": 0.125, "exits": []},
]
SHAPE = (3, 16, 16)


def cascade():
    torch.manual_seed(0)
    settings = network_settings({"cascade": MEMBERS, "average": True})
    network = build_network(settings, 10, SHAPE).eval()
    return network, NetworkCard(settings.described(), SHAPE, NAMES, MEAN, STD, "0" * 64, "float32")


def alone(network, card, images, settings):
    """What each member says in 8 bits by itself, ``(N, E, C)``, one after the other."""
    pixels = normalised(images.train.images, card)
    quantised = (
        quantised_stages(stage_models(member, SHAPE), pixels, settings)
        for member in network.in_order()
    )
    return [split_logits(stages, card, images.test.images) for stages in quantised]


def test_each_member_answers_as_alone(images, tmp_path):
    network, card = cascade()
    settings = Int8Settings(correct_biases=False)
    stages = quantised_network(network, card, images, settings)
    exits = int8_exit_logits(stages, network, card, images, "0" * 64)
    first, last = (log_softmax(said) for said in alone(network, card, images, settings))
    expected = np.concatenate([first, (first[:, -1:] + last) / 2], axis=1)
    np.testing.assert_allclose(exits.test.logits, expected, rtol=1e-5, atol=1e-5)
    runner = InInt8(network, card, images, stages, exits).ship(tmp_path / "x")
    few = Split(*(np.asarray(part)[:40] for part in vars(images.test).values()))
    test = SplitLogits(*(np.asarray(part)[:40] for part in vars(exits.test).values()))
    for name, agreement in deployment_agreement(None, card, runner.predict, few, test, exits.macs):
        agreement.check(name)
