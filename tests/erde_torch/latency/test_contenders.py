"""Every contender really classifies, and its cost is that of the images it is given."""

import numpy as np
import pytest
import torch

from erde.deployment.runner import predictor
from erde_core.policy import exit_indices
from erde_core.softmax import entropy, softmax
from erde_torch.latency import contenders
from erde_torch.latency.contenders import Trial, working_contenders
from erde_torch.latency.measure import STUDENT, TEACHER
from erde_torch.latency.whole import WholeNetwork, whole_macs
from erde_torch.networks.backbone import MultiExitBackbone
from erde_torch.networks.macs import plain_macs
from erde_torch.networks.staged import StagedNetwork
from erde_torch.networks.viewed_images import plain_images
from tests.erde_torch.deployable import card_of, random_network

RUNTIMES = ("eager", "ONNX Runtime")


@pytest.fixture(scope="module")
def trial(deployable):
    return Trial(
        teacher=random_network(),
        student=deployable.network,
        card=card_of(deployable),
        pixels=deployable.pixels,
        logits=deployable.split.logits,
        macs=deployable.macs,
        thresholds={"exits": 1.0},
        device=torch.device("cpu"),
        open_deployment=predictor,
        threads=1,
    )


@pytest.fixture(scope="module")
def found(trial, tmp_path_factory):
    return working_contenders(trial, RUNTIMES, tmp_path_factory.mktemp("models"), print)


def test_names_and_costs(found, trial):
    names = [(c.runtime, c.network) for c in found]
    assert names == [(r, n) for r in RUNTIMES for n in (TEACHER, STUDENT, "exits")]
    exits = exit_indices(entropy(trial.logits), 1.0)
    for contender in found:
        if contender.network == "exits":
            assert contender.threshold == 1.0
            np.testing.assert_array_equal(contender.macs, trial.macs[exits])
        else:
            assert contender.threshold is None
            assert set(contender.macs) == {whole_macs(trial.student, (3, 16, 16))}


def test_to_the_end_costs_the_last_exit_without_the_early_heads(deployable):
    network = deployable.network
    heads = sum(head[-1].weight.numel() for head in network.heads[:-1])
    assert whole_macs(network, (3, 16, 16)) == deployable.macs[-1] - heads
    whole = WholeNetwork(network).eval()
    expected = torch.from_numpy(deployable.split.logits[:, -1])
    torch.testing.assert_close(whole(deployable.images).detach(), expected, rtol=1e-4, atol=1e-4)


def test_to_the_end_attention_counts():
    class Embed(torch.nn.Conv2d):
        def forward(self, images):
            return super().forward(images).flatten(2).transpose(1, 2)

    layers = [
        torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0) for _ in range(2)
    ]
    stages = [torch.nn.Sequential(Embed(3, 8, 4, 4), layers[0]), layers[1]]
    network = MultiExitBackbone(stages, 4, (3, 16, 16), features="NLC")
    assert whole_macs(network, (3, 16, 16)) == plain_macs(network, (3, 16, 16), 1)
    assert all(part.training for part in network.modules())


def test_every_contender_gives_class_and_probability(found, trial):
    chosen = exit_indices(entropy(trial.logits), 1.0)
    ends = {"exits": chosen, TEACHER: np.full(150, 3), STUDENT: np.full(150, 3)}
    for contender in found:
        logits = trial.logits[np.arange(150), ends[contender.network]]
        for start, stop in ((0, 1), (5, 60)):
            label, probability = answer(contender.run(start, stop))
            np.testing.assert_array_equal(label, logits[start:stop].argmax(1))
            expected = softmax(logits[start:stop]).max(1)
            np.testing.assert_allclose(probability, expected, rtol=1e-4)


def test_in_bf16_all_contenders_are_in_bf16(trial, tmp_path):
    """The student with exits says what the staged network says in bf16, and nobody what float32
    says."""
    whole = {c.network: c for c in contenders.contenders(trial, "eager", tmp_path)}
    staged = StagedNetwork(trial.student, precision="bf16")
    viewed = plain_images(trial.pixels, trial.card.mean, trial.card.std, trial.device)
    images = viewed.batch(torch.arange(20), torch.zeros(20, dtype=torch.int64))
    for contender in contenders.contenders(trial, "eager bf16", tmp_path):
        label, probability = answer(contender.run(0, 20))
        float32 = answer(whole[contender.network].run(0, 20))[1]
        assert 0 < abs(probability.float() - float32).max() < 0.1
        if contender.network == "exits":
            wanted = staged.predict(images, 1.0)
            assert torch.equal(label, wanted.label)
            assert torch.equal(probability, wanted.probability)


def answer(found):
    """Class and probability, whatever form they come in."""
    if hasattr(found, "label"):
        return found.label, found.probability
    if hasattr(found, "indices"):
        return found.indices, found.values
    return found[0], found[1]


def test_what_cannot_be_compiled_is_left_out(trial, tmp_path, monkeypatch):
    said = []

    def no_compiler(*_, **__):
        raise RuntimeError("no C++ compiler\nand a long story")

    monkeypatch.setattr(contenders.torch, "compile", no_compiler)
    found = working_contenders(trial, ("eager", "compiled"), tmp_path, said.append)
    assert {c.runtime for c in found} == {"eager"}
    assert said == ["compiled networks are left out: no C++ compiler"]


def test_another_failure_is_one(trial, tmp_path, monkeypatch):
    monkeypatch.setattr(contenders, "write_deployment", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        working_contenders(trial, ("ONNX Runtime",), tmp_path, print)
