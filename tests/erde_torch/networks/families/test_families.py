"""Every family downstream: staged, folded, counted and exported as what it is."""

import numpy as np
import pytest
import torch

from erde_core.policy import exit_indices
from erde_core.softmax import entropy
from erde_torch.export.onnx_graph import stage_models
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs, plain_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.staged import StagedNetwork
from erde_torch.networks.table import NETWORKS, family_of, known_names
from tests.erde_torch.networks.families.layer_shapes import macs_by_layer
from tests.erde_torch.networks.norms import with_random_norms

WIDTHS = {"mobilenetv2": 1 / 4}  # at a sixteenth, a stage has one channel
SMALL, LARGE = (3, 32, 32), (3, 96, 96)
TIMM = {  # and the sides of their images
    "timm/resnet18": 32,
    "timm/mobilenetv3_small_050": 24,
    "timm/efficientnet_lite0": 24,
    "timm/vit_tiny_patch16_224": 64,
    "timm/swin_tiny_patch4_window7_224": 64,
}
OURS = ["resnet8x4", "wrn16_1", "mobilenetv2", "shufflenetv2"]
# The exporter takes seconds for each stage.
# One of convolutions, one of tokens; tests/networks ships one of every family.
EXPORTED = ["mobilenetv2", "timm/vit_tiny_patch16_224"]


def make(name, shape=SMALL, classes=5, seed=0, **keys):
    torch.manual_seed(seed)
    if name.startswith("timm/"):
        pytest.importorskip("timm")
        shape = (3, TIMM[name], TIMM[name])
    else:
        keys = {"width": WIDTHS.get(name, 1 / 16)} | keys
    network = build_network(NetworkSettings(name=name, **keys), classes, shape)
    with_random_norms(network)
    with torch.no_grad():  # else all entropies are nearly 0, or nearly log C
        spread = network(images_of(shape, 24)).std((0, 2))
        for head, by in zip(network.heads, spread, strict=True):
            head[-1].weight.mul_(2 / by)
            head[-1].bias.mul_(2 / by)
    return network, shape


def images_of(shape, count):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(1))


def answers_as_a_whole(network, shape, count=24):
    images = images_of(shape, count)
    with torch.no_grad():
        logits = network(images)
    entropies = entropy(logits.numpy())
    thresholds = np.median(entropies[:, :-1], axis=0) + 1e-6
    found = StagedNetwork(network).predict(images, thresholds)
    np.testing.assert_array_equal(found.exit, exit_indices(entropies, thresholds))
    wanted = logits[torch.arange(count), found.exit].softmax(1).max(1)
    assert torch.equal(found.label, wanted.indices)
    torch.testing.assert_close(found.probability, wanted.values, rtol=1e-3, atol=1e-3)
    assert len(found.exit.unique()) > 1


@pytest.mark.parametrize("name", [*known_names(), *TIMM])
def test_staged_and_folded_it_answers_as_before(name):
    answers_as_a_whole(*make(name))


@pytest.mark.parametrize("name", ["resnet10", *OURS])
def test_so_it_does_on_large_images(name):
    answers_as_a_whole(*make(name, LARGE), count=8)


@pytest.mark.parametrize("name", [*known_names(), *TIMM])
@pytest.mark.parametrize("keys", [{}, {"head": "conv"}], ids=["linear", "conv"])
def test_macs_are_those_of_its_layers(name, keys):
    network, shape = make(name, **keys)
    assert exit_macs(network, shape).tolist() == macs_by_layer(network, shape)


# Multiply-accumulates (M) and parameters (M) of the plain networks on 32×32 images, 100 classes.
PUBLISHED = {
    "resnet8x4": (177, 1.23),
    "resnet32x4": (1083, 7.43),
    "wrn16_2": (101, 0.70),
    "wrn40_2": (327, 2.26),
    "shufflenetv2": (44.5, 1.36),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_are_the_published_ones(name):
    with torch.device("meta"):
        network = build_network(NetworkSettings(name=name), 100, SMALL)
    macs, parameters = PUBLISHED[name]
    assert plain_macs(network, SMALL, network.exit_count - 1) / 1e6 == pytest.approx(macs, rel=5e-3)
    plain = [network.stem, network.stages, network.heads[-1]]
    counted = sum(p.numel() for part in plain for p in part.parameters())
    assert counted / 1e6 == pytest.approx(parameters, abs=0.006)


@pytest.mark.parametrize(
    ("name", "theirs"), [("mobilenetv2", "mobilenet_v2"), ("shufflenetv2", "shufflenet_v2_x1_0")]
)
def test_for_large_images_it_computes_what_torchvisions_computes(name, theirs):
    """The same weights in both, in the order of their layers."""
    models = pytest.importorskip("torchvision").models
    reference = with_random_norms(getattr(models, theirs)())
    ours = build_network(NetworkSettings(name=name, head_pool="adaptive2"), 1000, LARGE).eval()
    parts = torch.nn.Sequential(ours.stem, *ours.stages, ours.heads[-1])
    pairs = zip(parts.state_dict().values(), reference.state_dict().values(), strict=True)
    with torch.no_grad():
        for mine, other in pairs:
            mine.copy_(other)
        images = images_of(LARGE, 2)
        torch.testing.assert_close(parts(images), reference(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", EXPORTED)
def test_exported_it_answers_as_before(name):
    onnxruntime = pytest.importorskip("onnxruntime")
    exits = [0, 5] if "vit" in name else [0]
    network, shape = make(name, exits=exits)
    images = images_of(shape, 3)
    with torch.no_grad():
        expected = network(images)
    inputs = images.numpy()
    for e, model in enumerate(stage_models(network, shape)):
        session = onnxruntime.InferenceSession(model.SerializeToString())
        logits, *rest = session.run(None, {session.get_inputs()[0].name: inputs})
        np.testing.assert_allclose(logits, expected[:, e], rtol=1e-3, atol=2e-3)
        inputs = rest[1] if rest else None


@pytest.mark.parametrize("name", known_names())
def test_the_table_counts_its_blocks(name):
    network, _ = make(name)
    blocks = family_of(name).blocks[name]
    assert tuple(len(stage) for stage in network.stages) == blocks
    assert NetworkSettings(name=name).exit_count == len(blocks) == network.exit_count


@pytest.mark.parametrize("name", known_names())
def test_an_exit_inside_a_stage_changes_nothing_but_where_one_can_leave(name):
    blocks = family_of(name).blocks[name]
    stage = next((s for s, count in enumerate(blocks) if count > 1), None)
    if stage is None:
        pytest.skip("one block per stage")
    inside, _ = make(name, exits=[f"{stage}.0"])
    assert inside.exit_count == 2
    whole, shape = make(name, exits=[stage])
    images = images_of(shape, 2)
    with torch.no_grad():
        features = {
            n: network.stages[1](network.stages[0](network.stem(images))).shape
            for n, network in (("inside", inside), ("whole", whole))
        }
    assert features["inside"] == features["whole"]
    assert exit_macs(inside, shape)[0] < exit_macs(whole, shape)[0]


def test_every_family_is_tested_here():
    tested = {family_of(name).module for name in [*known_names(), *TIMM]}
    assert tested == {family.module for family in NETWORKS.values()}


# timm's own small ones: four transformers, one of which pools by attention, and maps.
SMALLEST = ["vit", "vit2", "vit3", "vit4", "resnet", "efficientnet", "convnext", "byobnet"]


@pytest.mark.parametrize("name", [f"timm/test_{kind}" for kind in SMALLEST])
def test_every_parameter_of_a_timm_network_learns(name):
    """Several processes wait for the gradient of each."""
    pytest.importorskip("timm")
    network = build_network(NetworkSettings(name=name), 5, (3, 64, 64)).train()
    network(images_of((3, 64, 64), 2)).square().mean().backward()
    assert [n for n, parameter in network.named_parameters() if parameter.grad is None] == []


def test_the_last_exit_of_a_transformer_reads_normalised_tokens():
    """Of one that timm normalises behind its pooling, too."""
    pytest.importorskip("timm")
    network = NetworkSettings(name="timm/vit_wee_patch16_reg1_gap_256", exits=())
    built = build_network(network, 5, SMALL).eval()
    with torch.no_grad():
        tokens = built.stages[-1](built.stem(torch.randn(1, *SMALL)))[:, 1:]  # those of the image
    spread = tokens.std(2, correction=0)
    torch.testing.assert_close(spread, torch.ones_like(spread), rtol=0, atol=1e-3)
