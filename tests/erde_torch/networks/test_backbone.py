"""Foreign backbones behave like ours: same features, staged inference, MACs, export."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from erde_core.errors import ErdeError
from erde_core.policy import exit_indices
from erde_core.settings import method_settings
from erde_core.softmax import entropy
from erde_torch.export.onnx_graph import single_model, stage_models
from erde_torch.loss import distillation_loss
from erde_torch.networks.backbone import MultiExitBackbone
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.staged import StagedNetwork


def convolutions():
    torch.manual_seed(0)
    widths = (3, 4, 6, 8)
    return [nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.ReLU()) for a, b in pairwise(widths)]


@pytest.fixture
def network():
    """Three exits with spread-out entropies, 32×32 images."""
    made = MultiExitBackbone(convolutions(), 5, (3, 32, 32)).eval()
    with torch.no_grad():
        for head in made.heads:
            head[-1].weight.mul_(40)
    return made


@pytest.fixture
def images():
    return torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_logits_of_every_exit(network, images):
    assert network.exit_count == 3
    logits = network(images)
    assert logits.shape == (64, 3, 5)
    features = network.stages[1](network.stages[0](images))
    torch.testing.assert_close(logits[:, 1], network.heads[1](features))


def test_staged_inference_and_macs(network, images):
    entropies = entropy(network(images).detach().numpy())
    thresholds = np.quantile(entropies[:, :-1], 0.5, axis=0)
    found = StagedNetwork(network).predict(images, thresholds)
    np.testing.assert_array_equal(found.exit, exit_indices(entropies, thresholds))
    assert len(found.exit.unique()) == 3
    macs = exit_macs(network, (3, 32, 32))
    assert macs[0] == 16 * 16 * 27 * 4 + 4 * 4 * 5  # convolution, and the head's 4 pixels × 4


def test_export(network, images):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = single_model(stage_models(network, (3, 32, 32)))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    expected = network(images[:1])[0, 2].detach()
    inputs = {"images": images[:1].numpy(), "thresholds": np.zeros(2)}
    logits, exit_taken, _ = session.run(None, inputs)
    assert exit_taken[0] == 2
    np.testing.assert_allclose(logits[0], expected, rtol=1e-4, atol=1e-4)


def test_distilled_like_any_student(network, images):
    network.train()
    labels, teacher = torch.randint(5, (64,)), torch.randn(64, 3, 5)
    loss = distillation_loss(network(images), teacher, labels, method_settings("erde"))
    loss.backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_building_does_not_touch_running_statistics():
    stages = [nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)) for _ in range(2)]
    MultiExitBackbone(stages, 5, (3, 16, 16))
    assert stages[0][1].num_batches_tracked == 0
    assert stages[0].training


class Added(nn.Module):
    """Changes what it is given."""

    def forward(self, x):
        x += 1
        return x


@pytest.mark.parametrize("first", [nn.ReLU(inplace=True), nn.SiLU(inplace=True), Added()])
def test_a_stage_that_changes_its_input_is_refused(first):
    """The exit before it needs those features for its gradient, and others need the images."""
    before, stage, after = convolutions()
    with pytest.raises(ErdeError, match=r"^stage 1 must not change the features of stage 0, "):
        MultiExitBackbone([before, nn.Sequential(first, *stage), after], 5, (3, 32, 32))
    with pytest.raises(ErdeError, match=r"^stage 0 must not change the images, got a change"):
        MultiExitBackbone([nn.Sequential(first, *before), stage], 5, (3, 32, 32))
    inside = [nn.Sequential(one[0], first) for one in (before, stage)]  # what is changed is its own
    network = MultiExitBackbone(inside, 5, (3, 32, 32))
    network(torch.randn(2, 3, 32, 32)).square().mean().backward()


class LastChannels(nn.Module):
    """A convolution that reads and gives N, H, W, channels."""

    def __init__(self, channels_in, channels):
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels, 3, 2, 1)

    def forward(self, x):
        return self.convolution(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class ToLast(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1)


def channels_last():
    return [nn.Sequential(ToLast(), LastChannels(3, 12)), LastChannels(12, 20)]


def test_channels_last_features_are_taken_for_what_they_are(images):
    network = MultiExitBackbone(channels_last(), 5, (3, 32, 32), features="NHWC").eval()
    assert [head[-1].in_features for head in network.heads] == [4 * 12, 20]
    features = network.stages[0](images)
    assert features.shape == (64, 16, 16, 12)
    pooled = network.heads[1][2](
        network.heads[1][1](network.heads[1][0](network.stages[1](features)))
    )
    torch.testing.assert_close(pooled, network.stages[1](features).mean((1, 2)))
    found = StagedNetwork(network).predict(images, [0.0])
    assert torch.equal(found.label, network(images)[:, 1].argmax(1))


def test_channels_last_features_that_nobody_announced_are_refused():
    rule = r"stage 0 must give features \(N, channels, H, W\) .* got \(1, 16, 16, 12\), .*='NHWC'"
    with pytest.raises(ValueError, match=rule):
        MultiExitBackbone(channels_last(), 5, (3, 32, 32))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MultiExitBackbone(convolutions()[:1], 5, (3, 32, 32)), "at least 2 stages, got 1"),
        (
            lambda: MultiExitBackbone(convolutions(), 1, (3, 32, 32)),
            "classes must be .* >= 2, got 1",
        ),
        (
            lambda: MultiExitBackbone([nn.Flatten(), nn.ReLU()], 5, (3, 8, 8)),
            r"stage 0 must give features \(N, channels, H, W\), got torch.Size\(\[1, 192\]\)",
        ),
        (
            lambda: MultiExitBackbone(convolutions(), 5, (3, 4, 4)),
            "at least 2×2 pixels .*, got 1×1",
        ),
        (
            lambda: MultiExitBackbone(convolutions(), 5, (3, 32, 32), head_pool="max"),
            "head_pool must be one of 'avg2', 'adaptive2', got 'max'",
        ),
        (
            lambda: MultiExitBackbone(convolutions(), 5, (3, 32, 32), features="NCWH"),
            "features must be one of 'NCHW', 'NHWC', 'NLC', got 'NCWH'",
        ),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
