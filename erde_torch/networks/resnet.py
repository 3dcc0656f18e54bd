"""Multi-exit ResNets for small images: a 3×3 stem without pooling, four stages, an exit after each.

Basic and bottleneck blocks are those of He et al. (2016); the exits are those of
arXiv 2510.04856 as docs/method.md reads it: exits 1 … E-1 are batch norm, ReLU, average pooling,
dropout and one linear layer; the last is global average pooling and a linear layer.
"""

import torch
from torch import Tensor, nn

from erde_torch.networks.settings import NetworkSettings

STAGE_BLOCKS = {
    "resnet10": (1, 1, 1, 1),
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
}
BASE_CHANNELS = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(channels_in, channels, 3, stride),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            _convolution(channels, channels, 3),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = _shortcut(channels_in, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions, the last four times as wide, and a shortcut."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        channels_out = channels * self.expansion
        self.body = nn.Sequential(
            _convolution(channels_in, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            _convolution(channels, channels, 3, stride),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            _convolution(channels, channels_out, 1),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut = _shortcut(channels_in, channels_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class MultiExitResNet(nn.Module):
    """A ResNet whose four stages each end in a classifier.

    Args:
        network: name, width multiplier and head settings.
        classes: C.
        image_shape: (channels, height, width) of the input; decides the size of the heads.

    Raises:
        ValueError: the images are too small for four stages.
    """

    def __init__(
        self, network: NetworkSettings, classes: int, image_shape: tuple[int, int, int]
    ) -> None:
        super().__init__()
        block = Bottleneck if network.name == "resnet50" else BasicBlock
        widths = [max(1, round(base * network.width)) for base in BASE_CHANNELS]
        channels = widths[0]
        self.stem = nn.Sequential(
            _convolution(image_shape[0], channels, 3), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.stages, self.heads = nn.ModuleList(), nn.ModuleList()
        size = torch.Size(image_shape[1:])
        for index, (width, blocks) in enumerate(
            zip(widths, STAGE_BLOCKS[network.name], strict=True)
        ):
            strides = [2 if index else 1] + [1] * (blocks - 1)
            stage = []
            for stride in strides:
                stage.append(block(channels, width, stride))
                channels = width * block.expansion
                size = torch.Size((side + stride - 1) // stride for side in size)
            self.stages.append(nn.Sequential(*stage))
            last = index == len(widths) - 1
            self.heads.append(
                exit_head(network.head_pool, network.head_dropout, channels, size, classes, last)
            )
        _initialise(self)

    @property
    def exits(self) -> int:
        """E, the number of exits."""
        return len(self.heads)

    def forward(self, images: Tensor) -> Tensor:
        """Raw logits of every exit, ``(N, E, C)``, of images ``(N, channels, H, W)``."""
        features, logits = self.stem(images), []
        for stage, head in zip(self.stages, self.heads, strict=True):
            features = stage(features)
            logits.append(head(features))
        return torch.stack(logits, dim=1)


def _convolution(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)


def _shortcut(channels_in: int, channels_out: int, stride: int) -> nn.Module:
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    return nn.Sequential(
        _convolution(channels_in, channels_out, 1, stride), nn.BatchNorm2d(channels_out)
    )


def exit_head(
    pool: str, dropout: float, channels: int, size: torch.Size, classes: int, last: bool
) -> nn.Sequential:
    """The classifier after a stage whose features have ``channels`` and ``size`` (H, W).

    Raises:
        ValueError: an early exit is left with fewer than 2×2 pixels.
    """
    if last:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    if min(size) < 2:
        pixels = "×".join(map(str, size))
        raise ValueError(f"images must leave at least 2×2 pixels at every early exit, got {pixels}")
    adaptive = pool == "adaptive2"
    pixels = 4 if adaptive else (size[0] // 2) * (size[1] // 2)
    return nn.Sequential(
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=False),
        nn.AdaptiveAvgPool2d(2) if adaptive else nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(channels * pixels, classes),
    )


def _initialise(network: nn.Module) -> None:
    """He initialisation for convolutions, as the ResNet paper; PyTorch's defaults elsewhere."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
