import math

import numpy as np
import pytest
import torch

from erde_torch.training.optimisation.optimiser import (
    learning_rate,
    make_optimiser,
    set_learning_rate,
)


def rates(train, steps=100):
    return [learning_rate(train, step, steps) for step in range(steps)]


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_both_rise_linearly_to_the_peak(short_training, schedule):
    found = rates(short_training(schedule=schedule, learning_rate=0.5, warmup=0.2))
    assert found[:20] == pytest.approx([0.5 * (step + 1) / 21 for step in range(20)])
    assert found[20] == max(found) == 0.5


def test_one_cycle_falls_linearly_to_a_ten_thousandth(short_training):
    found = rates(short_training(learning_rate=0.5, warmup=0.2))
    assert found[20:99] == pytest.approx([0.5 * (99 - step) / 79 for step in range(20, 99)])
    assert found[99] == pytest.approx(0.5e-4)


def test_cosine_falls_along_half_a_cosine(short_training):
    found = rates(short_training(schedule="cosine", learning_rate=0.5, warmup=0.0), 101)
    assert found[0] == 0.5
    assert found[25] == pytest.approx(0.5 * (1 + math.sqrt(0.5)) / 2)
    assert found[50] == pytest.approx(0.25)
    assert found[75] == pytest.approx(0.5 * (1 - math.sqrt(0.5)) / 2)
    assert found[100] == pytest.approx(0.5e-4)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
@pytest.mark.parametrize("warmup", [0.0, 0.07, 0.5, 0.99])
@pytest.mark.parametrize("steps", [1, 2, 3, 17])
def test_rates_stay_between_nothing_and_the_peak(short_training, schedule, warmup, steps):
    train = short_training(schedule=schedule, warmup=warmup, learning_rate=0.5)
    found = rates(train, steps)
    assert all(0 < rate <= 0.5 for rate in found)
    peak = found.index(max(found))
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)


def test_norms_and_biases_do_not_decay(make_network, short_training):
    network = make_network()
    optimiser = make_optimiser(network, short_training(weight_decay=0.25))
    decay = {id(p): g["weight_decay"] for g in optimiser.param_groups for p in g["params"]}
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            kernel = isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and name == "weight"
            assert decay.pop(id(parameter)) == (0.25 if kernel else 0.0)
    assert not decay


def test_steps_are_nesterovs(short_training):
    """Two steps on a loss of constant slope, by hand."""
    layer = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(2.0)
    train = short_training(weight_decay=0.0, momentum=0.5, learning_rate=9.0)
    optimiser = make_optimiser(layer, train)
    set_learning_rate(optimiser, 0.1)
    for wanted in (2.0 - 0.1 * 1.5, 2.0 - 0.1 * 1.5 - 0.1 * (1 + 0.5 * 1.5)):
        layer.weight.grad = torch.ones(1, 1)
        optimiser.step()
        assert layer.weight.item() == pytest.approx(wanted)


def test_no_momentum_is_plain_sgd(make_network, short_training):
    optimiser = make_optimiser(make_network(), short_training(momentum=0.0))
    assert not any(group["nesterov"] for group in optimiser.param_groups)


def test_adamw_decays_apart_from_the_gradient(short_training):
    """One step on a constant slope, by hand: mean / √square is 1, so the slope does not count."""
    layer = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(2.0)
    train = short_training(optimiser="adamw", learning_rate=0.01, weight_decay=0.5, momentum=0.8)
    optimiser = make_optimiser(layer, train)
    assert [group["betas"] for group in optimiser.param_groups] == [(0.8, 0.999)] * 2
    set_learning_rate(optimiser, 0.1)
    layer.weight.grad = torch.full((1, 1), 7.0)
    optimiser.step()
    assert layer.weight.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5) - 0.1)


def test_adamw_refuses_the_rate_of_sgd(short_training):
    with pytest.raises(ValueError, match=r"learning_rate must be at most 0.02 .* got 0.1"):
        short_training(optimiser="adamw", learning_rate=0.1)


def test_a_fused_optimiser_is_given_the_nearest_float32():
    """So that a rate which it reads on its device, as float32, gives the same bits."""
    layer = torch.nn.Linear(2, 2)
    fused, plain = (torch.optim.SGD(layer.parameters(), 1.0, fused=fused) for fused in (True, None))
    for optimiser, wanted in ((fused, float(np.float32(0.1))), (plain, 0.1)):
        set_learning_rate(optimiser, 0.1)
        assert optimiser.param_groups[0]["lr"] == wanted
    there = torch.tensor(0.1)
    set_learning_rate(fused, there)
    assert fused.param_groups[0]["lr"] is there
    assert there.item() == float(np.float32(0.1))
