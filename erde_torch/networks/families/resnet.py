"""ResNets of basic and bottleneck blocks (He et al. 2016), four stages, for small and large images.

For small images the stem is a 3×3 convolution without pooling.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from erde_torch.networks.families.layers import convolution, scaled, stem
from erde_torch.networks.multi_exit import Backbone
from erde_torch.networks.settings import NetworkSettings

_BASE_CHANNELS = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(channels_in, channels, 3, stride),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            convolution(channels, channels, 3),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = shortcut(channels_in, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions, the last four times as wide, and a shortcut."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        channels_out = channels * self.expansion
        self.body = nn.Sequential(
            convolution(channels_in, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            convolution(channels, channels, 3, stride),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            convolution(channels, channels_out, 1),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut = shortcut(channels_in, channels_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def backbone(
    network: NetworkSettings, image_shape: tuple[int, int, int], counts: tuple[int, ...]
) -> Backbone:
    """The ResNet called ``network.name``."""
    widths = [scaled(base, network.width) for base in _BASE_CHANNELS]
    block = Bottleneck if network.name == "resnet50" else BasicBlock
    return Backbone(
        stem=stem(network.stem, image_shape[0], widths[0]),
        blocks=residual_blocks(block, widths[0], widths, counts),
        counts=counts,
    )


def residual_blocks(
    block: type[BasicBlock] | type[Bottleneck],
    channels: int,
    widths: list[int],
    counts: tuple[int, ...],
) -> Iterator[tuple[int, nn.Module]]:
    """Stages of ``block``; each but the first halves the sides with its first block."""
    for stage, (width, count) in enumerate(zip(widths, counts, strict=True)):
        for index in range(count):
            yield stage, block(channels, width, 2 if stage and not index else 1)
            channels = width * block.expansion


def shortcut(channels_in: int, channels_out: int, stride: int) -> nn.Module:
    """Nothing, or a 1×1 convolution and a norm where the shape changes."""
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    return nn.Sequential(
        convolution(channels_in, channels_out, 1, stride), nn.BatchNorm2d(channels_out)
    )
