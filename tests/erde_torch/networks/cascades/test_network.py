"""A cascade answers as its members do, and each stage takes the image again."""

import numpy as np
import onnxruntime
import pytest
import torch

from erde.evaluation.pairs import in_order
from erde_core.policy import exit_indices
from erde_core.softmax import entropy, log_softmax
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_torch.export.onnx_graph import single_model, stage_models
from erde_torch.latency.whole import WholeNetwork, whole_macs
from erde_torch.networks.build import build_network
from erde_torch.networks.cascades.settings import CascadeSettings, network_settings
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.staged import StagedNetwork, exit_stages
from tests.erde_torch.networks.families.layer_shapes import macs_by_layer
from tests.erde_torch.networks.norms import with_random_norms

SHAPE, CLASSES = (3, 16, 16), 5
THIN = NetworkSettings(name="resnet10", width=1 / 32, exits=())
DEAR = NetworkSettings(name="resnet8x4", width=1 / 16, exits=())
EARLY = NetworkSettings(name="resnet10", width=1 / 16)
MEMBERS = {
    "plain": (THIN, DEAR),
    "mixture": (THIN, EARLY),
    "early first": (EARLY, THIN),
    "three": (EARLY, THIN, NetworkSettings(name="mobilenetv2", width=1 / 8, head="conv")),
}
BOTH = pytest.mark.parametrize("average", [False, True], ids=["own", "mean"])


def make(name, average):
    """Random weights and norms, heads scaled: else all entropies are nearly log C."""
    torch.manual_seed(0)
    settings = CascadeSettings(cascade=MEMBERS[name], average=average)
    network = with_random_norms(build_network(settings, CLASSES, SHAPE))
    with torch.no_grad():
        for member in network.in_order():
            for head, by in zip(member.heads, member(images(30)).std((0, 2)), strict=True):
                head[-1].weight.mul_(2 / by)
                head[-1].bias.mul_(2 / by)
    return network


def exit_logits(logits, macs):
    labels = np.zeros(len(logits), np.int64)
    split = SplitLogits(logits, labels, labels)
    return ExitLogits(split, split, np.array(macs), "data", "weights")


def images(count):
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(1))


@BOTH
@pytest.mark.parametrize("name", MEMBERS)
def test_its_exits_are_those_of_its_members(name, average):
    network = make(name, average)
    with torch.no_grad():
        found = network(images(6))
        said = [member(images(6)) for member in network.in_order()]
    if average:
        log_p = [answers.log_softmax(2) for answers in said]
        ends = [answers[:, -1:] for answers in log_p]
        said = [(sum(ends[:m]) + answers) / (m + 1) for m, answers in enumerate(log_p)]
    torch.testing.assert_close(found, torch.cat(said, 1))
    assert network.exit_count == CascadeSettings(cascade=MEMBERS[name]).exit_count == found.shape[1]


@pytest.mark.parametrize("name", ["plain", "mixture"])
def test_a_pair_put_together_from_exit_logits_answers_as_the_cascade(name):
    network = make(name, average=False)
    with torch.no_grad():
        wanted = network(images(6)).numpy()
        said = [member(images(6)).numpy() for member in network.in_order()]
    macs = [exit_macs(member, SHAPE) for member in network.in_order()]
    pair = in_order(*map(exit_logits, said, macs))
    np.testing.assert_allclose(
        log_softmax(pair.test.logits), log_softmax(wanted), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_array_equal(pair.macs, exit_macs(network, SHAPE))


@BOTH
@pytest.mark.parametrize("name", MEMBERS)
def test_staged_and_folded_it_answers_as_before(name, average):
    network, inputs = make(name, average), images(40)
    with torch.no_grad():
        logits = network(inputs)
    entropies = entropy(logits.numpy())
    thresholds = np.median(entropies[:, :-1], axis=0) + 1e-6
    found = StagedNetwork(network).predict(inputs, thresholds)
    np.testing.assert_array_equal(found.exit, exit_indices(entropies, thresholds))
    assert len(found.exit.unique()) > 1
    wanted = logits[torch.arange(40), found.exit].softmax(1).max(1)
    assert torch.equal(found.label, wanted.indices)
    torch.testing.assert_close(found.probability, wanted.values, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", MEMBERS)
def test_its_macs_are_those_of_all_layers_on_the_way(name):
    network, total, expected = make(name, False), 0, []
    for member in network.in_order():
        expected += [total + macs for macs in macs_by_layer(member, SHAPE)]
        total = expected[-1]
    assert exit_macs(network, SHAPE).tolist() == expected


def test_only_the_image_travels_where_nothing_else_must():
    first, _ = exit_stages(make("plain", False))
    with torch.no_grad():
        assert torch.equal(first(images(3))[2], images(3))


@pytest.mark.parametrize(("name", "average"), [("plain", False), ("early first", True)])
def test_exported_it_decides_as_before(name, average):
    network, inputs = make(name, average), images(12)
    with torch.no_grad():
        logits = network(inputs).numpy()
    stages = stage_models(network, SHAPE)
    values = inputs.numpy()
    for e, model in enumerate(stages):
        session = onnxruntime.InferenceSession(model.SerializeToString())
        answers, *rest = session.run(None, {session.get_inputs()[0].name: values})
        np.testing.assert_allclose(answers, logits[:, e], rtol=1e-3, atol=2e-3)
        values = rest[1] if rest else None
    thresholds = np.median(entropy(logits)[:, :-1], axis=0) + 1e-6
    single = onnxruntime.InferenceSession(single_model(stages).SerializeToString())
    taken = [
        single.run(["exit"], {"images": one, "thresholds": thresholds})[0][0]
        for one in np.split(inputs.numpy(), 12)
    ]
    np.testing.assert_array_equal(taken, exit_indices(entropy(logits), thresholds))


def test_without_exits_it_is_its_last_member_or_the_mean_of_all():
    alone, mean = make("plain", False), make("plain", True)
    with torch.no_grad():
        assert torch.equal(WholeNetwork(alone)(images(4)), alone(images(4))[:, -1])
        torch.testing.assert_close(WholeNetwork(mean)(images(4)), mean(images(4))[:, -1])
    thin, both = exit_macs(mean, SHAPE)
    assert (whole_macs(alone, SHAPE), whole_macs(mean, SHAPE)) == (both - thin, both)


def test_settings_come_back_from_a_card():
    for members in MEMBERS.values():
        settings = CascadeSettings(cascade=members, average=True)
        assert network_settings(settings.described()) == settings
    assert network_settings(THIN.described()) == THIN
    resolved = CascadeSettings(cascade=MEMBERS["plain"]).resolved(SHAPE)
    assert resolved.cascade[0] == THIN.resolved(SHAPE)


def test_one_network_is_no_cascade():
    with pytest.raises(ValueError, match="cascade must list at least 2 networks, got 1"):
        CascadeSettings(cascade=(THIN,))
