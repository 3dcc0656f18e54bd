"""Folding changes no answer, whatever the network is made of."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

from erde_torch.networks.folding import fold_norms
from tests.erde_torch.deployable import random_network
from tests.erde_torch.networks.norms import with_random_norms


class NormAndActivation(nn.BatchNorm2d):
    """Of the kind that timm uses."""

    def forward(self, x):
        return torch.relu(super().forward(x))


class Doubled(nn.Conv2d):
    def forward(self, x):
        return 2 * super().forward(x)


class Residual(nn.Sequential):
    """A Sequential that does not run its children one after the other."""

    def forward(self, x):
        first = self[0](x)
        return first + self[1](first)


class Joined(nn.Module):
    """Uses the layers of its Sequential one by one."""

    def __init__(self, nested=False):
        super().__init__()
        layers = [conv(), nn.BatchNorm2d(3), nn.ReLU()]
        self.layers = nn.Sequential(nn.Sequential(*layers)) if nested else nn.Sequential(*layers)
        self.nested = nested

    def forward(self, x):
        convolution, norm, activation = self.layers[0] if self.nested else self.layers
        return activation(norm(convolution(x) + x))


def conv():
    return nn.Conv2d(3, 3, 3, padding=1)


def hooked(module, kind="forward"):
    if kind == "forward":
        module.register_forward_hook(lambda _, inputs, output: output + 1)
    else:
        module.register_forward_pre_hook(lambda _, inputs: (2 * inputs[0],))
    return module


def with_own_forward(module):
    module.forward = lambda x: nn.functional.relu(type(module).forward(module, x))
    return module


KEPT = {
    "a norm with an activation": lambda: nn.Sequential(conv(), NormAndActivation(3)),
    "a convolution of another kind": lambda: nn.Sequential(
        Doubled(3, 3, 3, padding=1), nn.BatchNorm2d(3)
    ),
    "another kind of Sequential": lambda: Residual(conv(), nn.BatchNorm2d(3)),
    "a Sequential in parts": Joined,
    "a Sequential in parts, in another": lambda: nn.Sequential(Joined(nested=True)),
    "a hook on the convolution": lambda: nn.Sequential(hooked(conv()), nn.BatchNorm2d(3)),
    "a hook on the norm": lambda: nn.Sequential(conv(), hooked(nn.BatchNorm2d(3), "pre")),
    "weight norm": lambda: nn.Sequential(parametrizations.weight_norm(conv()), nn.BatchNorm2d(3)),
    "a forward of the instance": lambda: nn.Sequential(with_own_forward(conv()), nn.BatchNorm2d(3)),
    "a norm without statistics": lambda: nn.Sequential(
        conv(), nn.BatchNorm2d(3, track_running_stats=False)
    ),
}


def answers(network):
    with torch.no_grad():
        images = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(1))
        expected = network(images)
        found = fold_norms(copy.deepcopy(network))(images)
    return found, expected


@pytest.mark.parametrize("what", KEPT)
def test_what_is_more_than_its_class_stays_as_it_is(what):
    torch.manual_seed(0)
    network = with_random_norms(KEPT[what]())
    torch.testing.assert_close(*answers(network), rtol=1e-4, atol=1e-4)
    assert not any(type(part) is nn.Identity for part in fold_norms(network).modules())


def test_the_old_weight_norm_is_a_hook():
    torch.manual_seed(0)
    with pytest.warns(FutureWarning):
        convolution = weight_norm(conv())
    with torch.no_grad():  # a hook computes the weight from these at every call
        convolution.weight_g.mul_(3)
    network = with_random_norms(nn.Sequential(convolution, nn.BatchNorm2d(3)))
    with torch.no_grad():
        images = torch.randn(8, 3, 16, 16)
        expected = network(images)
        torch.testing.assert_close(fold_norms(network)(images), expected)


def test_timms_norm_keeps_its_activation():
    layers = pytest.importorskip("timm.layers")
    network = with_random_norms(nn.Sequential(conv(), layers.BatchNormAct2d(3)))
    torch.testing.assert_close(*answers(network), rtol=1e-4, atol=1e-4)


def test_a_convolution_used_twice_is_folded_with_each_norm():
    torch.manual_seed(0)
    shared = conv()
    network = nn.Sequential(shared, nn.BatchNorm2d(3), shared, nn.BatchNorm2d(3))
    torch.testing.assert_close(*answers(with_random_norms(network)), rtol=1e-4, atol=1e-4)


def test_resnets_are_folded_and_answer_as_before():
    network = with_random_norms(random_network())
    torch.testing.assert_close(*answers(network), rtol=1e-3, atol=1e-3)
    norms = [type(part) is nn.BatchNorm2d for part in network.modules()]
    left = [type(part) is nn.BatchNorm2d for part in fold_norms(network).modules()]
    assert (sum(norms), sum(left)) == (15, 3)  # those of the early heads follow no convolution
