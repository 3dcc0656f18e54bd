"""What several families are made of."""

from torch import nn


def convolution(
    channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Without a bias, padded so that stride 1 keeps the sides."""
    return nn.Conv2d(
        channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False
    )


def scaled(channels: int, width: float) -> int:
    """``channels`` times ``width``, rounded, at least 1."""
    return max(1, round(channels * width))


def stem(kind: str, channels_in: int, channels: int) -> nn.Sequential:
    """3×3 (``small``), or 7×7 with stride 2 and then pooling (``imagenet``); norm and ReLU."""
    kernel, stride = (7, 2) if kind == "imagenet" else (3, 1)
    layers = [
        convolution(channels_in, channels, kernel, stride),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    ]
    return nn.Sequential(*layers, *imagenet_pool(kind))


def imagenet_pool(kind: str) -> list[nn.Module]:
    """The pooling that ends the stem ``imagenet``."""
    return [nn.MaxPool2d(3, 2, 1)] if kind == "imagenet" else []


def initialise(network: nn.Module) -> None:
    """He initialisation for convolutions, as the ResNet paper; PyTorch's defaults elsewhere."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
