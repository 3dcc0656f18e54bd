import copy

import pytest
import torch
import torchvision

from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings


def build(name="resnet10", width=1 / 16, classes=7, image_shape=(3, 16, 16), **head):
    torch.manual_seed(0)
    return build_network(
        NetworkSettings(name=name, width=width, **head), classes, image_shape
    ).eval()


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("name", ["resnet10", "resnet18", "resnet34", "resnet50"])
@pytest.mark.parametrize("image_shape", [(3, 16, 16), (1, 9, 12)])
def test_one_row_of_logits_per_exit(name, image_shape):
    network = build(name, image_shape=image_shape)
    assert network(torch.zeros(2, *image_shape)).shape == (2, network.exit_count, 7) == (2, 4, 7)


def test_parameters_by_hand():
    """Widths 1, 2, 4, 8 on 8×8 images of 3 channels, 5 classes."""
    network = build(width=1 / 64, classes=5, image_shape=(3, 8, 8))
    convolutions = 27 + (9 + 9) + (18 + 36 + 2) + (72 + 144 + 8) + (288 + 576 + 32)
    norms = 2 * (1 + 2 * 1 + 3 * 2 + 3 * 4 + 3 * 8)  # stem; two per block, three with a shortcut
    heads = 2 * (1 + 2 + 4)  # their norms
    heads += (16 * 1 * 5 + 5) + (4 * 2 * 5 + 5) + (1 * 4 * 5 + 5) + (8 * 5 + 5)
    assert parameters(network) == convolutions + norms + heads


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50"])
def test_stages_compute_what_torchvision_computes(name):
    """The same weights in both: residual blocks, strides and shortcuts are those of the paper."""
    ours, theirs = build(name, width=1.0), getattr(torchvision.models, name)().eval()
    features = torch.randn(2, 64, 8, 8)
    expected = features
    for index, stage in enumerate(ours.stages, 1):
        layer = getattr(theirs, f"layer{index}")
        pairs = zip(stage.state_dict().values(), layer.state_dict().values(), strict=True)
        for mine, other in pairs:
            mine.copy_(other)
        features, expected = stage(features), layer(expected)
        torch.testing.assert_close(features, expected)


def test_resnet10_has_one_block_per_stage():
    assert [len(stage) for stage in build().stages] == [1, 1, 1, 1]
    assert [len(stage) for stage in build("resnet34").stages] == [3, 4, 6, 3]


@pytest.mark.parametrize("exit_", range(4))
def test_an_exit_depends_on_no_later_stage(exit_):
    network, images = build(), torch.randn(3, 3, 16, 16)
    before = network(images)
    changed = copy.deepcopy(network)
    with torch.no_grad():
        for part in (changed.stages[exit_], changed.heads[exit_]):
            for parameter in part.parameters():
                parameter.add_(0.1)
    after = changed(images)
    torch.testing.assert_close(after[:, :exit_], before[:, :exit_], rtol=0, atol=0)
    assert (after[:, exit_] != before[:, exit_]).all()
    before[:, exit_].sum().backward()
    later = [network.stages[exit_ + 1 :], network.heads[exit_ + 1 :]]
    assert not any(p.grad.any() for part in later for p in part.parameters())
    reached = [network.stages[: exit_ + 1], network.heads[exit_]]
    assert all(p.grad.any() for part in reached for p in part.parameters())


def test_a_head_changes_nothing_downstream():
    network, images = build(), torch.randn(3, 3, 16, 16)
    before = network(images)
    with torch.no_grad():
        network.heads[0][0].bias.add_(1)  # the norm in front of the head's ReLU
    assert (network(images)[:, 0] != before[:, 0]).any()
    torch.testing.assert_close(network(images)[:, 1:], before[:, 1:], rtol=0, atol=0)


def test_dropout_and_batch_statistics_act_in_training_only():
    network, images = build(head_dropout=0.5), torch.randn(8, 3, 16, 16)
    torch.testing.assert_close(network(images), network(images), rtol=0, atol=0)
    torch.testing.assert_close(network(images)[:1], network(images[:1]), rtol=1e-4, atol=1e-5)
    network.train()
    first, second = network(images), network(images)
    assert (first[:, :3] != second[:, :3]).any()
    torch.testing.assert_close(first[:, 3], second[:, 3], rtol=0, atol=0)  # the last has no dropout
    sure = build(head_dropout=0.0).train()
    torch.testing.assert_close(sure(images), sure(images), rtol=0, atol=0)


def test_heads_are_the_documented_layers():
    network = build()
    kinds = [[type(layer).__name__ for layer in head] for head in network.heads]
    early = ["BatchNorm2d", "ReLU", "Halves", "Flatten", "Dropout", "Linear"]
    assert kinds == [early] * 3 + [["AdaptiveAvgPool2d", "Flatten", "Linear"]]
    assert [head[-1].in_features for head in network.heads] == [64 * 4, 16 * 8, 4 * 16, 32]
    assert network.heads[0][4].p == 0.5


def test_adaptive_heads_have_four_pixels_whatever_the_image():
    network = build(head_pool="adaptive2", image_shape=(3, 20, 20))
    assert [head[-1].in_features for head in network.heads] == [4 * 4, 4 * 8, 4 * 16, 32]


def test_width_multiplies_channels():
    assert build(width=0.25).stages[3][0].body[0].out_channels == 128
    assert build("resnet50", width=0.25).heads[3][-1].in_features == 512


@pytest.mark.parametrize("image_shape", [(3, 4, 4), (3, 4, 16), (1, 1, 1)])
def test_images_too_small_for_an_early_exit(image_shape):
    with pytest.raises(
        ValueError, match=r"at least 2×2 pixels at every early exit, got [124]×[124]$"
    ):
        build(image_shape=image_shape)


def test_smallest_images_that_fit():
    assert build(image_shape=(1, 5, 5))(torch.zeros(1, 1, 5, 5)).isfinite().all()


def test_convolutions_start_as_he_initialisation():
    weight = build(width=1.0).stages[3][0].body[0].weight  # 256 → 512, 3×3
    assert weight.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)
    assert abs(weight.mean().item()) < 1e-4


def test_the_seed_decides_the_weights():
    first, second = build().state_dict(), build().state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
