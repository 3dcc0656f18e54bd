"""MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381), also in its usual form for small images.

The paper's rows of inverted residuals make four stages. For small images (stem ``small``) the row
of 24 channels keeps the sides, as in the networks that papers on distillation compare; their
"MobileNetV2" has width 0.5. The width scales the last 1×1 convolution, too.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from erde_torch.networks.families.layers import convolution, scaled
from erde_torch.networks.multi_exit import Backbone
from erde_torch.networks.settings import NetworkSettings

_STEM, _LAST, _EXPANSION = 32, 1280, 6
# By stage: (expansion, channels, blocks, stride of the first) of each row.
_ROWS = (
    ((1, 16, 1, 1), (_EXPANSION, 24, 2, 2)),
    ((_EXPANSION, 32, 3, 2),),
    ((_EXPANSION, 64, 4, 2), (_EXPANSION, 96, 3, 1)),
    ((_EXPANSION, 160, 3, 2), (_EXPANSION, 320, 1, 1)),
)


class InvertedResidual(nn.Module):
    """1×1 to more channels, 3×3 within each channel, 1×1 to fewer, and a shortcut if one fits."""

    def __init__(self, channels_in: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels_in * expansion
        widened = [convolution(channels_in, inner, 1), *_norm(inner)] if expansion > 1 else []
        self.body = nn.Sequential(
            *widened,
            convolution(inner, inner, 3, stride, groups=inner),
            *_norm(inner),
            convolution(inner, channels, 1),
            nn.BatchNorm2d(channels),
        )
        self.residual = stride == 1 and channels_in == channels

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.body(x)
        return x + found if self.residual else found


def backbone(
    network: NetworkSettings, image_shape: tuple[int, int, int], counts: tuple[int, ...]
) -> Backbone:
    """MobileNetV2."""
    first = scaled(_STEM, network.width)
    return Backbone(
        stem=nn.Sequential(convolution(image_shape[0], first, 3, 2), *_norm(first)),
        blocks=_blocks(first, network.width, network.stem == "small"),
        counts=counts,
    )


def _blocks(channels: int, width: float, small: bool) -> Iterator[tuple[int, nn.Module]]:
    for stage, rows in enumerate(_ROWS):
        for expansion, row_channels, count, row_stride in rows:
            wanted = scaled(row_channels, width)
            for index in range(count):
                stride = 1 if index or (small and stage == 0) else row_stride
                block: nn.Module = InvertedResidual(channels, wanted, stride, expansion)
                channels = wanted
                if row_channels == _ROWS[-1][-1][1]:
                    last = scaled(_LAST, width)
                    block = nn.Sequential(block, convolution(channels, last, 1), *_norm(last))
                yield stage, block


def _norm(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU6(inplace=True)]
