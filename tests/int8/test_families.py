"""Every family of networks in 8 bits: ONNX Runtime takes stages and single file, which agree."""

import numpy as np
import pytest
import torch

from erde_core.images import Split
from erde_core.store.exit_logits import ExitLogits
from erde_torch.export.agreement import deployment_agreement
from erde_torch.int8.exit_logits import int8_exit_logits
from erde_torch.int8.quantise import quantised_network
from erde_torch.int8.settings import Int8Settings
from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.weights import NetworkCard
from tests.erde_torch.deployable import MEAN, STD
from tests.int8.conftest import NAMES, InInt8

CASES = {
    "resnet8x4": {"width": 0.125},
    "wrn16_1": {"width": 0.5, "head": "conv"},
    "mobilenetv2": {"width": 0.125},
    "shufflenetv2": {"width": 0.125},
    "resnet50": {"width": 0.0625, "exits": [0, 1]},
}


@pytest.mark.parametrize("name", CASES)
def test_stages_and_single_file_agree(name, images, tmp_path):
    torch.manual_seed(0)
    settings = NetworkSettings(name=name, **CASES[name])
    network = build_network(settings, 10, (3, 16, 16)).eval()
    fields = {"name": name, **CASES[name]}
    card = NetworkCard(fields, (3, 16, 16), NAMES, MEAN, STD, "0" * 64, "float32")
    few = Split(*(getattr(images.test, part)[:60] for part in ("images", "labels", "group")))
    stages = quantised_network(network, card, images, Int8Settings(images=32))
    exits = int8_exit_logits(stages, network, card, images, "0" * 64)
    assert isinstance(exits, ExitLogits)
    runner = InInt8(network, card, images, stages, exits).ship(tmp_path / "x")
    assert runner.single is not None
    test = type(exits.test)(*(np.asarray(a)[:60] for a in vars(exits.test).values()))
    for implementation, agreement in deployment_agreement(
        None, card, runner.predict, few, test, exits.macs
    ):
        agreement.check(implementation)
