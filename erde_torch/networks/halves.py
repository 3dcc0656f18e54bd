"""Means over 2×2 pixels whose gradient comes in the order of the maps."""

from functools import partial

import torch
from torch import Tensor, nn

_IN_ORDER = partial(torch.Tensor.contiguous, memory_format=torch.channels_last)


class Halves(nn.AvgPool2d):
    """``(N, channels, H, W)`` to half of both sides, rounded down.

    What flattens the means behind it hands their gradient back channels first. From such a one a
    CPU's gradient of maps that lie channels last takes five to eight times as long. In order it has
    the same bits.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, features: Tensor) -> Tensor:
        means = super().forward(features)
        ordered = features.is_contiguous(memory_format=torch.channels_last)
        learns = self.training and means.requires_grad and not torch.compiler.is_compiling()
        if learns and ordered and means.device.type == "cpu":
            means.register_hook(_IN_ORDER)
        return means
