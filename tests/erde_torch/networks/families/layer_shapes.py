"""MACs counted a second way: from the shapes of layers and of what they give."""

import torch
from torch import nn


class LayerCount:
    """Counts while the network's layers run: convolutions, linear layers, timm's attention."""

    def __init__(self, module):
        self.total = 0
        self._handles = [
            layer.register_forward_hook(self._add)
            for layer in module.modules()
            if isinstance(layer, nn.Conv2d | nn.Linear)
            or type(layer).__name__ in ("Attention", "WindowAttention")
        ]

    def _add(self, layer, inputs, output):
        if isinstance(layer, nn.Conv2d):
            self.total += layer.weight.numel() * output.shape[2] * output.shape[3]
        elif isinstance(layer, nn.Linear):
            self.total += layer.weight.numel() * (output.numel() // output.shape[-1])
        else:  # queries by keys, and weights by values, over all heads
            windows, tokens, channels = inputs[0].shape
            self.total += 2 * windows * tokens * tokens * channels

    def remove(self):
        for handle in self._handles:
            handle.remove()


@torch.no_grad()
def macs_by_layer(network, image_shape):
    """MACs to the end of each exit."""
    features, total, found = torch.zeros(1, *image_shape), 0, []
    for index, (stage, head) in enumerate(zip(network.stages, network.heads, strict=True)):
        body = nn.Sequential(network.stem, stage) if index == 0 else stage
        for part in (body, head):
            count = LayerCount(part)
            given = part(features)
            count.remove()
            total += count.total
            if part is body:
                features = given
        found.append(total)
    return found
