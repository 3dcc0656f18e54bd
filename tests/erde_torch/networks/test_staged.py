"""Staged inference decides as the reference and stops computing."""

import copy

import numpy as np
import pytest
import torch

from erde_core.decisions import compare_decisions, spread_thresholds
from erde_core.policy import exit_indices
from erde_core.scores.fitted import fit_score
from erde_core.softmax import entropy, softmax
from erde_torch.networks import staged as infer
from erde_torch.networks.backbone import MultiExitBackbone
from erde_torch.networks.staged import StagedNetwork, exit_stages
from tests.erde_torch.deployable import with_a_masked_class


@pytest.fixture
def case(deployable):
    return deployable


def decider(staged, images):
    def decide(threshold):
        found = staged.predict(images, threshold)
        return found.exit.numpy(), found.label.numpy()

    return decide


def test_decisions_are_those_of_the_exit_logits(case):
    thresholds = spread_thresholds(case.split, case.macs)
    decide = decider(StagedNetwork(case.network), case.images)
    agreement = compare_decisions(case.split, thresholds, decide)
    agreement.check("staged PyTorch")
    assert agreement.decisions == 150 * 20
    assert agreement.near_ties <= 1e-3 * agreement.decisions


def test_thresholds_may_differ_per_exit_and_call(case):
    staged = StagedNetwork(case.network)
    entropies = entropy(case.split.logits)
    for quantile in (0.2, 0.6):
        thresholds = np.quantile(entropies[:, :-1], quantile, axis=0) + 1e-7
        found = staged.predict(case.images, thresholds)
        np.testing.assert_array_equal(found.exit, exit_indices(entropies, thresholds))


def test_images_leave_early_where_a_class_is_masked(case):
    masked = with_a_masked_class(case.network)
    with torch.no_grad():
        entropies = entropy(masked(case.images).numpy())
    assert np.isfinite(entropies).all()
    theta = float(np.quantile(entropies[:, :-1], 0.5)) + 1e-7
    expected = exit_indices(entropies, theta)
    assert (expected < 3).any()
    np.testing.assert_array_equal(StagedNetwork(masked).predict(case.images, theta).exit, expected)


def test_probability_is_the_softmax_at_the_exit_taken(case):
    found = StagedNetwork(case.network).predict(case.images, 1.0)
    expected = softmax(case.split.logits)[np.arange(150), found.exit, found.label]
    np.testing.assert_allclose(found.probability, expected, rtol=1e-4)


def test_only_survivors_reach_the_next_stage(case, monkeypatch):
    monkeypatch.setattr(infer, "_FEWEST", 150)
    staged, sizes = StagedNetwork(case.network), []
    for stage in staged.stages:
        stage.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    exits = staged.predict(case.images, 1.0).exit
    assert sizes == [int((exits >= e).sum()) for e in range(len(sizes))]
    sizes.clear()
    staged.predict(case.images, 2 * np.log(10))
    assert sizes == [150]


def test_a_large_batch_is_computed_in_parts_with_the_same_answers(case, monkeypatch):
    expected = StagedNetwork(case.network).predict(case.images, 1.0)
    monkeypatch.setattr(infer, "_PIXELS_PER_THREAD", 1)
    monkeypatch.setattr(infer, "_FEWEST", 40)
    staged, sizes = StagedNetwork(case.network), []
    staged.stages[0].register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    found = staged.predict(case.images, 1.0)
    assert sizes == [40, 40, 40, 30]
    assert torch.equal(found.label, expected.label)
    assert torch.equal(found.exit, expected.exit)
    torch.testing.assert_close(found.probability, expected.probability)


def test_large_images_go_in_smaller_parts_on_a_cpu():
    threads = torch.get_num_threads()
    assert infer.images_at_once(torch.empty(1000, 3, 32, 32)) == 32 * threads
    assert infer.images_at_once(torch.empty(1000, 3, 16, 16)) == 128 * threads
    assert infer.images_at_once(torch.empty(9, 3, 2048, 2048)) == 4
    assert infer.images_at_once(torch.empty(1000, 3, 32, 32, device="meta")) == 1000


def test_order_of_results_is_that_of_the_images(case):
    staged, order = StagedNetwork(case.network), torch.randperm(150)
    straight, shuffled = (staged.predict(x, 1.0) for x in (case.images, case.images[order]))
    assert torch.equal(straight.label[order], shuffled.label)
    assert torch.equal(straight.exit[order], shuffled.exit)


def test_a_gate_lies_where_the_network_does(case):
    random = np.random.default_rng(0)
    logits = random.normal(size=(100, 4, 10)).astype(np.float32)
    score = fit_score("gate", logits, random.integers(10, size=100))
    stages = StagedNetwork(case.network, torch.device("meta"), score=score).stages
    held = [t for stage in stages for t in (*stage.parameters(), *stage.buffers())]
    assert {tensor.device.type for tensor in held} == {"meta"}


def test_dropout_is_off_and_no_gradient_is_kept(case):
    staged = StagedNetwork(case.network.train())
    first, second = (staged.predict(case.images, 1.0) for _ in range(2))
    assert torch.equal(first.probability, second.probability)
    assert not first.probability.requires_grad


def test_bf16_leaves_early_too(case):
    found = StagedNetwork(case.network, precision="bf16").predict(case.images, 1.0)
    assert len(found.exit.unique()) > 1


def test_compiled_stages_stay_compiled_at_any_batch_size(case, monkeypatch):
    # Dynamo's own counting, without minutes in a C++ compiler.
    compile_with = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda self, **k: compile_with(self, backend="eager", **k)
    )
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    staged = StagedNetwork(case.network, compiled=True)
    expected = StagedNetwork(case.network).predict(case.images, 1.0)
    frames, counted = torch._dynamo.utils.counters["frames"], []
    for batch in (4, 1, 16, 150):
        for start in range(0, min(150, 8 * batch), batch):
            part = slice(start, start + batch)
            found = staged.predict(case.images[part], 1.0)
            counted.append(frames["total"])
            assert torch.equal(found.exit, expected.exit[part])
            assert torch.equal(found.label, expected.label[part])
    assert frames["ok"] > 4
    assert set(counted) == {frames["ok"]}  # all is compiled in the first call, for one image too


def test_entropy_is_float64(case):
    logits, entropies, _ = exit_stages(case.network)[0](case.images)
    assert entropies.dtype == torch.float64
    expected = entropy(logits.detach().numpy())
    np.testing.assert_allclose(entropies.detach(), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("images", "threshold", "message"),
    [
        (torch.zeros(1, 3, 16, 16), -0.1, "thresholds must be >= 0, got -0.1"),
        (torch.zeros(1, 3, 16, 16), [0.1, 0.2], r"shape \(3,\), got \(2,\)"),
        (torch.zeros(0, 3, 16, 16), 0.1, r"N >= 1, got \(0, 3, 16, 16\)"),
        (torch.zeros(3, 16, 16), 0.1, r"images must have shape .*, got \(3, 16, 16\)"),
    ],
)
def test_bad_input(case, images, threshold, message):
    with pytest.raises(ValueError, match=message):
        StagedNetwork(case.network).predict(images, threshold)


def test_unknown_precision(case):
    with pytest.raises(ValueError, match="precision must be one of"):
        StagedNetwork(case.network, precision="fp8")


def test_norms_are_folded_into_the_copy_alone(case):
    staged = StagedNetwork(case.network)
    first = staged.stages[0].body[0]
    assert isinstance(first[1], torch.nn.Identity)
    assert first[0].bias is not None
    assert isinstance(case.network.stem[1], torch.nn.BatchNorm2d)
    assert staged.stages[1].body[0].shortcut[0].bias is not None


def test_a_network_with_a_hook_of_its_own_is_refused(deployable):
    network = copy.deepcopy(deployable.network)
    network.register_forward_pre_hook(lambda _, inputs: (inputs[0] + 1,))
    with pytest.raises(ValueError, match=r"no hook of its own .*, got one on MultiExit"):
        StagedNetwork(network)


class Turned(MultiExitBackbone):
    """Takes colours in another order, where only ``forward`` knows."""

    def forward(self, images):
        return super().forward(images.flip(1))


class TurnedThroughout(Turned):
    def exit_stages(self):
        first, *others = super().exit_stages()
        first.body = torch.nn.Sequential(Flip(), first.body)
        return [first, *others]


class Flip(torch.nn.Module):
    def forward(self, images):
        return images.flip(1)


def of_two_stages(kind):
    torch.manual_seed(0)
    stages = [torch.nn.Conv2d(channels, 8, 3, padding=1) for channels in (3, 8)]
    return kind(stages, 4, (3, 8, 8)).eval()


def test_a_forward_that_no_stage_knows_of_is_refused():
    rule = "^network must have no forward of its own .* got one of "
    with pytest.raises(ValueError, match=rule + "Turned$"):
        StagedNetwork(of_two_stages(Turned))
    network = of_two_stages(MultiExitBackbone)
    network.forward = lambda images: Turned.forward(network, images)
    with pytest.raises(ValueError, match=rule + "MultiExitBackbone$"):
        exit_stages(network)
    network, images = of_two_stages(TurnedThroughout), torch.randn(50, 3, 8, 8)
    with torch.no_grad():
        expected = network(images)[:, -1].argmax(1)
    assert torch.equal(StagedNetwork(network).predict(images, 0.0).label, expected)
