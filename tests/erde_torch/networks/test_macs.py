import pytest
import torch
from torch import nn

from erde_torch.networks.backbone import MultiExitBackbone
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.settings import NetworkSettings

FULL = {
    "resnet10": (78_905_344, 138_444_800, 197_574_656, 256_346_112),
    "resnet34": (None, None, None, 1_162_315_776),
}


def build(name, width, classes, image_shape):
    return build_network(NetworkSettings(name=name, width=width), classes, image_shape)


def test_by_hand():
    """Widths 1, 2, 4, 8 on 8×8 images of 3 channels, 5 classes."""
    network = build("resnet10", 1 / 64, 5, (3, 8, 8))
    stem = 3 * 1 * 9 * 64
    stages = [
        2 * (1 * 1 * 9 * 64),
        (1 * 2 * 9 + 2 * 2 * 9 + 1 * 2) * 16,
        (2 * 4 * 9 + 4 * 4 * 9 + 2 * 4) * 4,
        (4 * 8 * 9 + 8 * 8 * 9 + 4 * 8) * 1,
    ]
    heads = [16 * 1 * 5, 4 * 2 * 5, 1 * 4 * 5, 8 * 5]
    expected = [stem + sum(stages[: e + 1]) + sum(heads[: e + 1]) for e in range(4)]
    assert exit_macs(network, (3, 8, 8)).tolist() == expected


@pytest.mark.parametrize("name", FULL)
def test_full_width_at_32_pixels(name):
    macs = exit_macs(build(name, 1.0, 100, (3, 32, 32)), (3, 32, 32))
    assert macs.dtype == "int64"
    for found, wanted in zip(macs.tolist(), FULL[name], strict=True):
        assert wanted in (None, found)


def test_shares_that_the_documentation_names():
    """ResNet10's whole cost and first exit, as shares of ResNet34."""
    assert FULL["resnet10"][3] / FULL["resnet34"][3] == pytest.approx(0.22, abs=0.005)
    assert FULL["resnet10"][0] / FULL["resnet34"][3] == pytest.approx(0.07, abs=0.005)


@pytest.mark.parametrize("training", [True, False])
def test_counting_leaves_the_network_as_it_was(training):
    network = build("resnet10", 1 / 16, 5, (1, 12, 10)).train(training)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    exit_macs(network, (1, 12, 10))
    assert network.training is training
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())


def test_bottleneck_by_hand():
    """The last stage of ResNet50 at 1/64 on 8×8 images: 16 → 8 → 32, then 32 → 8 → 32 twice."""
    macs = exit_macs(build("resnet50", 1 / 64, 5, (3, 8, 8)), (3, 8, 8))
    first = 16 * 8 * 4 + 8 * 8 * 9 + 8 * 32 + 16 * 32  # the stride sits on the 3×3 convolution
    others = 2 * (32 * 8 + 8 * 8 * 9 + 8 * 32)
    assert macs[3] - macs[2] == first + others + 32 * 5


class Attention(nn.Module):
    """``nn.MultiheadAttention`` over 10 tokens of 16 channels."""

    def __init__(self, need_weights):
        super().__init__()
        self.attention, self.need_weights = (
            nn.MultiheadAttention(16, 4, batch_first=True),
            need_weights,
        )

    def forward(self, tokens):
        return self.attention(tokens, tokens, tokens, need_weights=self.need_weights)[0]


class FusedAttention(nn.Module):
    """The same from ``scaled_dot_product_attention``."""

    def __init__(self):
        super().__init__()
        self.inputs, self.output = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, tokens):
        parts = self.inputs(tokens).unflatten(2, (3, 4, 4)).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(*parts)
        return self.output(mixed.transpose(1, 2).flatten(2))


class Tokens(nn.Module):
    """The rows of a 10 × 16 image as tokens."""

    def forward(self, images):
        return images[:, 0]


# Queries, keys and values, both products of attention over all pairs of tokens, the output.
ATTENTION = 3 * 10 * 16 * 16 + 2 * 10 * 10 * 16 + 10 * 16 * 16
KINDS = {
    "weights wanted": (lambda: Attention(True), ATTENTION),
    "the fast path": (lambda: Attention(False), ATTENTION),
    "scaled_dot_product_attention": (FusedAttention, ATTENTION),
    "a whole layer": (
        lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True),
        ATTENTION + 2 * 10 * 16 * 32,
    ),
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", KINDS)
def test_attention_counts(kind, device):
    make, by_hand = KINDS[kind]
    with torch.device(device):
        stages = [nn.Sequential(Tokens(), make()), make()]
        network = MultiExitBackbone(stages, 5, (1, 10, 16), features="NLC")
    head = 16 * 5
    assert exit_macs(network, (1, 10, 16)).tolist() == [by_hand + head, 2 * (by_hand + head)]
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_part_that_stays_in_eval_mode_stays_there():
    network = build("resnet10", 1 / 16, 5, (1, 12, 10)).train()
    network.stem[1].eval()
    exit_macs(network, (1, 12, 10))
    assert not network.stem[1].training
    assert network.stages[0].training
