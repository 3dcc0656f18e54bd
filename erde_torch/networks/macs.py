"""Multiply-accumulates of one image to the end of each exit."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from erde_torch.networks.counting.counter import counted_macs
from erde_torch.networks.multi_exit import MultiExitNetwork

Shape = tuple[int, int, int]


def exit_macs(network: MultiExitNetwork, image_shape: Shape) -> NDArray[np.int64]:
    """MACs to the end of each exit, every earlier head included.

    Convolutions, linear layers, recurrent and bilinear ones and both products of attention count;
    norms, activations, softmax, pooling and resampling do not, as in the literature.

    Args:
        network: any; of a cascade each member's come on top of those of the members before it.
        image_shape: (channels, height, width).

    Returns:
        int64 ``(E,)``, never decreasing.

    Raises:
        ErdeError: something in it multiplies, and nobody can count how much.
    """
    parts = (part_macs(one, image_shape) for one in network.in_order())
    return np.cumsum(np.concatenate([stages + heads for stages, heads in parts]))


def plain_macs(network: MultiExitNetwork, image_shape: Shape, e: int) -> int:
    """MACs of one image to the end of exit ``e``, without the heads before it."""
    stages, heads = part_macs(network, image_shape)
    return int(stages[: e + 1].sum() + heads[e])


def part_macs(
    network: MultiExitNetwork, image_shape: Shape
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """MACs of each stage (the stem in the first) and of each head, int64 ``(E,)`` both."""
    device = next(network.parameters()).device
    stages, heads = [], []
    with evaluated(network):
        features = torch.zeros(1, *image_shape, device=device)
        for index, (stage, head) in enumerate(zip(network.stages, network.heads, strict=True)):
            with counted_macs() as counter:
                features = stage(network.stem(features) if index == 0 else features)
            stages.append(counter.macs)
            with counted_macs() as counter:
                head(features)
            heads.append(counter.macs)
    return np.array(stages, dtype=np.int64), np.array(heads, dtype=np.int64)


@contextmanager
def evaluated(module: nn.Module) -> Iterator[None]:
    """All of ``module`` in eval mode and without gradients; every part as it was afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training
