"""Wide residual networks (Zagoruyko & Komodakis 2016, arXiv 1605.07146): wrn<depth>_<widening>.

Norm and ReLU come before each convolution, so the network ends with one more of both.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from erde_torch.networks.families.layers import convolution, imagenet_pool, scaled
from erde_torch.networks.multi_exit import Backbone
from erde_torch.networks.settings import NetworkSettings

_STEM, _STAGES = 16, (16, 32, 64)


class PreActivationBlock(nn.Module):
    """Norm, ReLU, 3×3, norm, ReLU, 3×3, and a shortcut; one with weights starts after the ReLU."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels_in)
        self.body = nn.Sequential(
            convolution(channels_in, channels, 3, stride),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            convolution(channels, channels, 3),
        )
        same = stride == 1 and channels_in == channels
        self.shortcut = None if same else convolution(channels_in, channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        active = torch.relu(self.norm(x))
        added: Tensor = x if self.shortcut is None else self.shortcut(active)
        changed: Tensor = self.body(active)
        return changed + added


def backbone(
    network: NetworkSettings, image_shape: tuple[int, int, int], counts: tuple[int, ...]
) -> Backbone:
    """The network called ``network.name``."""
    widening = int(network.name.rpartition("_")[2])
    first = scaled(_STEM, network.width)
    kernel, stride = (7, 2) if network.stem == "imagenet" else (3, 1)
    return Backbone(
        stem=nn.Sequential(
            convolution(image_shape[0], first, kernel, stride), *imagenet_pool(network.stem)
        ),
        blocks=_blocks(first, [scaled(c * widening, network.width) for c in _STAGES], counts),
        counts=counts,
    )


def _blocks(
    channels: int, widths: list[int], counts: tuple[int, ...]
) -> Iterator[tuple[int, nn.Module]]:
    end = (len(counts) - 1, counts[-1] - 1)
    for stage, (width, count) in enumerate(zip(widths, counts, strict=True)):
        for index in range(count):
            block = PreActivationBlock(channels, width, 2 if stage and not index else 1)
            channels = width
            if (stage, index) == end:
                yield stage, nn.Sequential(block, nn.BatchNorm2d(width), nn.ReLU())
            else:
                yield stage, block
