import pytest
import torch

from erde_core.settings import LossSettings
from erde_torch.training.optimisation.gradient_scaling import GradientScaling
from tests.erde_torch.repeated_training import Training


def gradients(network, loss):
    network.zero_grad()
    loss(network(torch.ones(2, 3, 16, 16))).backward()
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def test_equilibrium_is_the_mean_over_the_exits_behind(make_network):
    """Each exit alone leaves its gradient where it comes by; their mean is what is asked for."""
    network = make_network().eval()
    alone = [gradients(network, lambda y, e=e: y[:, e].square().sum()) for e in range(4)]
    gradients(network, lambda y: y.square().sum())
    GradientScaling(network, "equilibrium").apply()
    for name, parameter in network.named_parameters():
        behind = [found[name] for found in alone if name in found and found[name].any()]
        heads = name.startswith("heads.")
        wanted = sum(behind) if heads else sum(behind) / len(behind)
        torch.testing.assert_close(parameter.grad, wanted, rtol=1e-4, atol=1e-4, msg=name)


WEIGHTS = {
    "one learns": (0.0, 0.0, 1.0, 0.0),
    "the last learns": (0.0, 0.0, 0.0, 1.0),
    "one does not": (1.0, 0.0, 1.0, 1.0),
    "weights": (0.25, 0.5, 2.0, 1.0),
}


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_exits_without_a_loss_are_not_counted(make_network, weights):
    """The mean over those that send a gradient back, each with its weight."""
    network = make_network().eval()
    alone = [
        gradients(network, lambda y, e=e, w=w: w * y[:, e].square().sum())
        for e, w in enumerate(weights)
    ]
    gradients(network, lambda y: (y.square().sum((0, 2)) * torch.tensor(weights)).sum())
    learning = LossSettings(exit_weights=weights).exits_that_learn(4)
    GradientScaling(network, "equilibrium", learning).apply()
    for name, parameter in network.named_parameters():
        behind = [found[name] for found in alone if name in found and found[name].any()]
        wanted = sum(behind) / max(len(behind), 1) + torch.zeros_like(parameter)
        torch.testing.assert_close(parameter.grad, wanted, rtol=1e-4, atol=1e-4, msg=name)


def test_four_exits_divide_the_stem_by_four(make_network):
    network = make_network()
    before = gradients(network, lambda y: y.square().sum())
    GradientScaling(network, "equilibrium").apply()
    ratios = {
        part: (before[name] / network.get_parameter(name).grad).nanmean().item()
        for part, name in {
            "stem": next(n for n in before if n.startswith("stem.")),
            **{str(k): next(n for n in before if n.startswith(f"stages.{k}.")) for k in range(4)},
        }.items()
    }
    assert ratios == pytest.approx({"stem": 4, "0": 4, "1": 3, "2": 2, "3": 1})


def test_none_leaves_the_sum(make_network):
    network = make_network()
    before = gradients(network, lambda y: y.square().sum())
    GradientScaling(network, "none").apply()
    assert all(torch.equal(network.get_parameter(name).grad, g) for name, g in before.items())


def test_a_training_divides(tiny_dataset, augment, make_network, short_training, tmp_path):
    """One step of plain descent: the stem moves by a quarter, the last stage by all."""

    def moved(kind):
        train = short_training(
            epochs=1, batch_size=90, momentum=0.0, weight_decay=0.0, gradient_scaling=kind
        )
        training = Training(tiny_dataset, augment, make_network, train, tmp_path / kind, print)
        assert training.data.steps == 1
        network, _ = training.start()
        start = make_network()
        return {
            n: p.detach() - start.get_parameter(n).detach() for n, p in network.named_parameters()
        }

    whole, scaled = moved("none"), moved("equilibrium")
    for name, factor in {
        "stem.0.weight": 4,
        "stages.1.0.body.0.weight": 3,
        "heads.0.5.weight": 1,
    }.items():
        torch.testing.assert_close(whole[name], factor * scaled[name], rtol=1e-3, atol=1e-6)
