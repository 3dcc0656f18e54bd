"""Multiply-accumulates of one image to the end of each exit, with PyTorch's own counter."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from erde_torch.networks.resnet import MultiExitResNet


def exit_macs(network: MultiExitResNet, image_shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """MACs to the end of each exit, every earlier head included.

    Convolutions and linear layers count (two operations make one MAC); norms, activations and
    pooling do not, as in the literature.

    Args:
        network: any multi-exit network with ``stem``, ``stages`` and ``heads``.
        image_shape: (channels, height, width).

    Returns:
        int64 ``(E,)``, never decreasing.
    """
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    total, macs = 0, []
    with torch.no_grad():
        features = torch.zeros(1, *image_shape, device=device)
        for index, (stage, head) in enumerate(zip(network.stages, network.heads, strict=True)):
            with FlopCounterMode(display=False) as counter:
                features = stage(network.stem(features) if index == 0 else features)
                head(features)
            total += counter.get_total_flops() // 2
            macs.append(total)
    network.train(was_training)
    return np.array(macs, dtype=np.int64)
