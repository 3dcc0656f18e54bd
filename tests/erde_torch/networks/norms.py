"""Networks whose norms are as if trained: a fold that forgets a statistic then shows."""

import torch
from torch import nn

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


@torch.no_grad()
def with_random_norms(network, seed=0):
    """``network`` in eval mode, all statistics, weights and biases of its norms drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, _NORMS):
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
                if not tensor.dtype.is_floating_point:
                    continue
                low, high = (-0.5, 0.5) if name in ("bias", "running_mean") else (0.5, 1.5)
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)
    return network.eval()
