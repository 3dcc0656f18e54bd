"""ShuffleNetV2 (Ma et al. 2018, arXiv 1807.11164), also in its usual form for small images.

Three stages of 116, 232 and 464 channels, each begun by a block that halves the sides. The stem
``small`` is a 1×1 convolution, as in the networks that papers on distillation compare. Widths
scale all channels, where the paper lists its own for 0.5, 1.5 and 2.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from erde_torch.networks.families.layers import convolution, imagenet_pool, scaled
from erde_torch.networks.multi_exit import Backbone
from erde_torch.networks.settings import NetworkSettings

_STEM, _STAGES, _LAST = 24, (116, 232, 464), 1024


class ShuffleBlock(nn.Module):
    """One half of the channels passes, the other is convolved; then the halves are interleaved."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = _branch(channels // 2, channels // 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept, changed = x.chunk(2, dim=1)
        return _interleaved(kept, self.body(changed))


class HalvingBlock(nn.Module):
    """Both halves come from all channels, at half the sides."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.short = nn.Sequential(
            convolution(channels_in, channels_in, 3, 2, groups=channels_in),
            nn.BatchNorm2d(channels_in),
            *_pointwise(channels_in, half),
        )
        self.body = _branch(channels_in, half, 2)

    def forward(self, x: Tensor) -> Tensor:
        return _interleaved(self.short(x), self.body(x))


def backbone(
    network: NetworkSettings, image_shape: tuple[int, int, int], counts: tuple[int, ...]
) -> Backbone:
    """ShuffleNetV2."""
    first = scaled(_STEM, network.width)
    kernel, stride = (3, 2) if network.stem == "imagenet" else (1, 1)
    return Backbone(
        stem=nn.Sequential(
            convolution(image_shape[0], first, kernel, stride),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            *imagenet_pool(network.stem),
        ),
        blocks=_blocks(first, network.width, counts),
        counts=counts,
    )


def _blocks(
    channels: int, width: float, counts: tuple[int, ...]
) -> Iterator[tuple[int, nn.Module]]:
    for stage, (base, count) in enumerate(zip(_STAGES, counts, strict=True)):
        wanted = 2 * scaled(base // 2, width)  # two halves
        for index in range(count):
            block: nn.Module = ShuffleBlock(wanted) if index else HalvingBlock(channels, wanted)
            channels = wanted
            if (stage, index) == (len(counts) - 1, count - 1):
                block = nn.Sequential(block, *_pointwise(wanted, scaled(_LAST, width)))
            yield stage, block


def _branch(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        *_pointwise(channels_in, channels),
        convolution(channels, channels, 3, stride, groups=channels),
        nn.BatchNorm2d(channels),
        *_pointwise(channels, channels),
    )


def _pointwise(channels_in: int, channels: int) -> list[nn.Module]:
    return [
        convolution(channels_in, channels, 1),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    ]


def _interleaved(first: Tensor, second: Tensor) -> Tensor:
    """Channels taken from both in turn."""
    return torch.stack([first, second], dim=2).flatten(1, 2)
