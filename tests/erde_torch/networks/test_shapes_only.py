"""Shapes of a network without its numbers."""

import torch

from erde_torch.networks.build import build_network
from erde_torch.networks.shapes_only import shapes_only


def test_shapes_are_those_of_the_network(small_network):
    before = torch.random.get_rng_state()
    with shapes_only():
        shapes = build_network(small_network, 10, (3, 16, 16)).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    wanted = build_network(small_network, 10, (3, 16, 16)).state_dict()
    assert {n: (t.shape, t.dtype) for n, t in shapes.items()} == {
        n: (t.shape, t.dtype) for n, t in wanted.items()
    }
    assert {t.device.type for t in shapes.values()} == {"meta"}
