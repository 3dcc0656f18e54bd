"""timm's feature maps, cut into stages, are those that timm itself gives."""

import pytest
import torch
from torch import nn

from erde_torch.networks.backbone import MultiExitBackbone
from erde_torch.networks.families.timm_stages import check_stages, timm_stages
from erde_torch.networks.staged import StagedNetwork
from tests.erde_torch.networks.norms import with_random_norms

timm = pytest.importorskip("timm")
NAMES = ["resnet18", "convnext_atto", "mobilenetv3_small_050", "efficientnet_lite0"]


@pytest.mark.parametrize("name", NAMES)
def test_stages_give_the_models_features(name):
    features = timm.create_model(name, features_only=True, out_indices=(1, 2, 3))
    with_random_norms(features)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        stages, x, expected = timm_stages(features), images, features(images)
        assert len(stages) == 3
        for stage, wanted in zip(stages, expected, strict=True):
            x = stage(x)
            torch.testing.assert_close(x, wanted)
        network = MultiExitBackbone(stages, 10, (3, 64, 64)).eval()
        found = StagedNetwork(network).predict(images, [0.0, 10.0])
    assert found.exit.tolist() == [1, 1]


def test_swins_features_are_permuted():
    features = timm.create_model(
        "swin_tiny_patch4_window7_224", features_only=True, img_size=64, window_size=4
    ).eval()
    stages = timm_stages(features)
    check_stages(features, stages, (3, 64, 64))
    network = MultiExitBackbone(stages, 10, (3, 64, 64))
    assert [head[-1].in_features for head in network.heads] == [4 * 96, 4 * 192, 4 * 384, 768]


def test_a_model_that_does_more_than_run_its_parts_is_refused():
    features = timm.create_model("resnet18", features_only=True, out_indices=(1, 2)).eval()
    stages = timm_stages(features)
    check_stages(features, stages, (3, 32, 32))
    features.layer2.register_forward_hook(lambda module, inputs, output: output + 1)
    stages[1] = nn.Sequential(nn.Identity(), *stages[1][0])
    with pytest.raises(ValueError, match=r"FeatureListNet: its features must come .* at stage 1"):
        check_stages(features, stages, (3, 32, 32))


@pytest.mark.parametrize("make", [nn.ReLU, lambda: timm.create_model("resnet18")])
def test_what_gives_no_features_is_refused(make):
    with pytest.raises(ValueError, match=r"features must be a timm model .*, got Re"):
        timm_stages(make())
