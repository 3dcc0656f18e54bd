"""What PyTorch's counter passes over is counted by hand, or refused by name."""

import math

import pytest
import torch
import torchvision
from torch import nn

from erde_core.errors import ErdeError
from erde_torch.networks.backbone import MultiExitBackbone
from erde_torch.networks.counting.counter import counted_macs
from erde_torch.networks.counting.operations import is_free
from erde_torch.networks.macs import evaluated, exit_macs


def count(call, *shapes, device="cpu"):
    with torch.device(device), torch.no_grad(), counted_macs() as counter:
        call(*(torch.zeros(shape) for shape in shapes))
    return counter.macs


LAYERS = {  # to layer, shapes of its inputs, MACs by hand
    "bilinear": (lambda: nn.Bilinear(8, 9, 16), [(3, 8), (3, 9)], 3 * 8 * 9 * 16),
    "LSTM": (lambda: nn.LSTM(8, 16), [(5, 2, 8)], 5 * 2 * 4 * 16 * (8 + 16)),
    "LSTM of two layers and directions": (
        lambda: nn.LSTM(8, 16, 2, bidirectional=True, batch_first=True),
        [(2, 5, 8)],
        5 * 2 * 2 * 4 * 16 * (8 + 16 + 32 + 16),
    ),
    "GRU": (lambda: nn.GRU(8, 16), [(5, 2, 8)], 5 * 2 * 3 * 16 * (8 + 16)),
    "RNN": (lambda: nn.RNN(8, 16), [(5, 2, 8)], 5 * 2 * 16 * (8 + 16)),
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", LAYERS)
def test_layers_by_hand(kind, device):
    make, shapes, by_hand = LAYERS[kind]
    with torch.device(device):
        layer = make()
    with evaluated(layer):
        assert count(layer, *shapes, device=device) == by_hand


PRODUCTS = {
    "mv": (torch.mv, [(5, 8), (8,)], 40),
    "addmv": (torch.addmv, [(5,), (5, 8), (8,)], 40),
    "dot": (torch.dot, [(8,), (8,)], 8),
    "vdot": (torch.vdot, [(8,), (8,)], 8),
    "addbmm": (torch.addbmm, [(5, 6), (3, 5, 8), (3, 8, 6)], 3 * 5 * 8 * 6),
    "baddbmm": (torch.baddbmm, [(3, 5, 6), (3, 5, 8), (3, 8, 6)], 3 * 5 * 8 * 6),
    "einsum": (lambda a, b: torch.einsum("bik,bjk->bij", a, b), [(2, 5, 8), (2, 6, 8)], 480),
    "chain": (lambda *a: torch.linalg.multi_dot(a), [(5, 8), (8, 3), (3, 4)], 5 * 8 * 3 + 60),
}


@pytest.mark.parametrize("kind", PRODUCTS)
def test_products_by_hand(kind):
    call, shapes, by_hand = PRODUCTS[kind]
    assert count(call, *shapes) == by_hand


@pytest.mark.parametrize("groups", [1, 2])
def test_deformable_convolutions(groups):
    layer = torchvision.ops.DeformConv2d(8, 16, 3, padding=1, groups=groups)
    with evaluated(layer):
        found = count(layer, (2, 8, 10, 10), (2, 18, 10, 10))
    assert found == 2 * 16 * 100 * 72 // groups


class Sequenced(nn.Module):
    """The rows of feature maps, one after the other through an LSTM."""

    def __init__(self, channels):
        super().__init__()
        self.cell = nn.LSTM(channels, channels, batch_first=True)

    def forward(self, maps):
        channels, height, width = maps.shape[1:]
        rows = maps.permute(0, 2, 3, 1).reshape(-1, width, channels)
        return self.cell(rows)[0].reshape(-1, height, width, channels).permute(0, 3, 1, 2)


def test_recurrent_stages_of_a_network():
    network = MultiExitBackbone([Sequenced(4), Sequenced(4)], 3, (4, 6, 5))
    stage, head = 30 * 4 * 4 * (4 + 4), 4 * 4 * 3  # the head pools to 2 × 2
    last = 4 * 3
    assert exit_macs(network, (4, 6, 5)).tolist() == [stage + head, 2 * stage + head + last]


REFUSED = {
    "a Fourier transform": (torch.fft.fft2, [(1, 3, 8, 8)], "_fft_"),
    "distances": (torch.cdist, [(1, 50, 8), (1, 50, 8)], "_euclidean_dist"),
    "an inverse": (lambda a: torch.linalg.inv_ex(a), [(3, 8, 8)], "linalg_inv_ex"),
    "boxes": (
        lambda maps, boxes: torchvision.ops.roi_align(maps, boxes, 2),
        [(1, 3, 8, 8), (1, 5)],
        "torchvision.roi_align",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_nobody_can_count_is_refused_by_name(kind):
    call, shapes, name = REFUSED[kind]
    with pytest.raises(ErdeError, match=f"multiply-accumulates are known, got .*{name}"):
        count(call, *shapes)


def test_what_a_user_added_to_pytorch_is_refused():
    with torch.library._scoped_library("erde_tests", "DEF") as library:
        library.define("mix(Tensor a, Tensor b) -> Tensor")
        library.impl("mix", lambda a, b: a @ b, "CompositeExplicitAutograd")
        with pytest.raises(ErdeError, match=r"got erde_tests\.mix"):
            count(torch.ops.erde_tests.mix, (5, 8), (8, 3))


def test_arithmetic_norms_pooling_and_resampling_are_no_macs():
    def cheap(maps, grid):
        maps = nn.functional.batch_norm(maps, maps.mean((0, 2, 3)), maps.var((0, 2, 3)))
        maps = nn.functional.group_norm(nn.functional.rms_norm(maps, (8,)), 1)
        maps = nn.functional.interpolate(nn.functional.prelu(maps, grid[0, 0, 0, :1]), size=6)
        maps = nn.functional.grid_sample(maps, grid, align_corners=False)
        picked = torch.cat([maps * maps, maps[:, [0, 1]]], 1).masked_fill(maps[:, :1] > 0, 1)
        return nn.functional.max_pool2d(picked.softmax(1) / picked.sort(1)[0].clamp(min=1), 2)

    assert count(cheap, (2, 4, 8, 8), (2, 6, 6, 2)) == 0


# Names of what multiplies, in whatever version: PyTorch calls new forms of it by them.
WORDS = ("mm", "matmul", "conv", "linear", "rnn", "lstm", "gru", "attention", "fft", "bilinear")
NO_PRODUCTS = {
    "_thnn_fused_gru_cell",  # the gates, behind the products
    "_thnn_fused_lstm_cell",
    "linspace",
}


def test_no_operation_named_after_a_product_is_free():
    seen = 0
    for schema in torch._C._jit_get_all_schemas():
        space, _, name = schema.name.partition("::")
        words = name.strip("_").replace("2d", "").replace("3d", "").split("_")
        if space != "aten" or "backward" in name or not set(words) & set(WORDS):
            continue
        if "upsample" in name or name.endswith("_weight") or name in NO_PRODUCTS:
            continue
        overload = getattr(getattr(torch.ops.aten, name), schema.overload_name or "default", None)
        if overload is None or not any("Tensor" in str(a.type) for a in overload._schema.arguments):
            continue
        seen += 1
        assert not is_free(overload), schema.name
    assert seen > 60


def test_the_counter_gives_the_settings_back():
    before = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(ErdeError), counted_macs():
        torch.fft.fft(torch.zeros(math.prod((2, 4))))
    assert torch.backends.mha.get_fastpath_enabled() is before
