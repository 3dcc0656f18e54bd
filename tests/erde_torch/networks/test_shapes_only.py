"""Shapes of a network without its numbers, and without the compiler."""

import subprocess
import sys

import torch

from erde_torch.networks.resnet import MultiExitResNet
from erde_torch.networks.shapes_only import shapes_only

READS = """
import sys
from erde_torch.networks.resnet import MultiExitResNet
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.shapes_only import shapes_only
with shapes_only():
    MultiExitResNet(NetworkSettings(name="resnet10"), 10, (3, 32, 32))
print("torch._dynamo" in sys.modules)
"""


def test_shapes_are_those_of_the_network(small_network):
    before = torch.random.get_rng_state()
    with shapes_only():
        shapes = MultiExitResNet(small_network, 10, (3, 16, 16)).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    wanted = MultiExitResNet(small_network, 10, (3, 16, 16)).state_dict()
    assert {n: (t.shape, t.dtype) for n, t in shapes.items()} == {
        n: (t.shape, t.dtype) for n, t in wanted.items()
    }
    assert {t.device.type for t in shapes.values()} == {"meta"}


def test_the_compiler_stays_asleep():
    done = subprocess.run([sys.executable, "-c", READS], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
