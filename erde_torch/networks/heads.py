"""Classifiers at the exits: of feature maps and of tokens, early and last."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from erde_core.errors import ErdeError
from erde_torch.networks.counting.counter import counted_macs
from erde_torch.networks.macs import Shape, evaluated

FORMATS = ("NCHW", "NHWC", "NLC")
_LARGEST_POOLED = 4  # pixels: the strided convolutions of a conv head stop at this side
_MOST_CONVOLUTIONS = 2


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """What all heads of a network share.

    Attributes:
        classes: C.
        kind: ``linear`` or ``conv``, of the early heads.
        pool: ``avg2`` or ``adaptive2``, of the early linear heads.
        dropout: before the linear layer of the early heads.
        features: the format of what the stages give, one of ``FORMATS``.
        prefix_tokens: of ``NLC``, how many tokens at the front are no part of the image.
    """

    classes: int
    kind: str = "linear"
    pool: str = "avg2"
    dropout: float = 0.5
    features: str = "NCHW"
    prefix_tokens: int = 0


def with_heads(
    stem: nn.Module, stages: Iterable[nn.Module], exits: int, heads: HeadSettings, shape: Shape
) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Each of ``exits`` stages with the head that fits its features, found by running a zero image.

    Raises:
        ValueError: a stage gives no features of the format that ``heads`` names, or changes what it
            is given; the images are too small, or what :func:`exit_head` refuses.
    """
    images = torch.zeros(1, *shape)
    read, version = images, images._version
    features, macs = _run(stem, images)
    for index, stage in enumerate(stages):
        features, more = _run(stage, features)
        macs += more
        # By the counter that autograd goes by: values of a zero image may stay as they are.
        if read._version != version:
            of = f"the features of stage {index - 1}, which exit {index - 1} reads" if index else ""
            raise ErdeError(
                f"stage {index} must not change {of or 'the images'}, got a change in place, as "
                "nn.ReLU(inplace=True) at its beginning makes"
            )
        _check_features(index, features, heads.features, shape)
        read, version = features, features._version
        yield stage, exit_head(heads, features.shape[1:], index == exits - 1, macs)


def exit_head(
    settings: HeadSettings, shape: Sequence[int], last: bool, stage_macs: int = 0
) -> nn.Sequential:
    """The classifier after a stage whose features have ``shape``, without the axis N.

    Args:
        settings: of all heads of the network.
        shape: (channels, height, width), (height, width, channels) or (tokens, channels).
        last: whether the network ends here.
        stage_macs: MACs from the image to these features; bounds a ``conv`` head.

    Returns:
        Its last layer is the linear one.

    Raises:
        ValueError: an early exit is left with fewer than 2×2 pixels, or a ``conv`` head cannot
            be cheap enough.
    """
    if settings.features == "NLC":
        return _token_head(settings, shape[-1], last)
    first = [ChannelsFirst()] if settings.features == "NHWC" else []
    channels, *size = (shape[2], *shape[:2]) if first else tuple(shape)
    return nn.Sequential(*first, *_map_layers(settings, channels, size, last, stage_macs))


def _map_layers(
    settings: HeadSettings, channels: int, size: Sequence[int], last: bool, stage_macs: int
) -> list[nn.Module]:
    """Of feature maps with ``channels`` and ``size`` (H, W)."""
    classes = settings.classes
    if last:
        return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
    if min(size) < 2:
        left = "×".join(map(str, size))
        raise ErdeError(f"images must leave at least 2×2 pixels at every early exit, got {left}")
    front: list[nn.Module] = [nn.BatchNorm2d(channels), nn.ReLU(inplace=False)]
    if settings.kind == "conv":
        front, channels = _convolutions(front, channels, size, classes, stage_macs)
    adaptive = settings.kind == "conv" or settings.pool == "adaptive2"
    pixels = 4 if adaptive else (size[0] // 2) * (size[1] // 2)
    return [
        *front,
        Quarters() if adaptive else Halves(),
        nn.Flatten(),
        nn.Dropout(settings.dropout),
        nn.Linear(channels * pixels, classes),
    ]


def _convolutions(
    front: list[nn.Module], channels: int, size: Sequence[int], classes: int, stage_macs: int
) -> tuple[list[nn.Module], int]:
    """``front`` and up to two 3×3 convolutions of stride 2; and their channels.

    As wide as makes the head at most a quarter of all up to its exit, at most twice ``channels``.
    """
    sides = [list(size)]
    while min(sides[-1]) > _LARGEST_POOLED and len(sides) <= _MOST_CONVOLUTIONS:
        sides.append([(side + 1) // 2 for side in sides[-1]])
    if len(sides) == 1:
        return front, channels

    def macs(width: int) -> int:
        inputs = [channels] + [width] * (len(sides) - 2)
        counted = zip(inputs, sides[1:], strict=True)
        return sum(9 * i * width * math.prod(s) for i, s in counted) + 4 * width * classes

    width = next((w for w in range(2 * channels, 0, -1) if 3 * macs(w) <= stage_macs), 0)
    if not width:
        raise ErdeError(
            "a head 'conv' must cost at most a quarter of the MACs up to its exit, got "
            f"{macs(1)} for a single channel after {stage_macs}"
        )
    layers, inputs = list(front), channels
    for _ in sides[1:]:
        layers += [
            nn.Conv2d(inputs, width, 3, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        inputs = width
    return layers, width


def _token_head(settings: HeadSettings, channels: int, last: bool) -> nn.Sequential:
    pooled, linear = MeanToken(settings.prefix_tokens), nn.Linear(channels, settings.classes)
    if last:
        return nn.Sequential(pooled, linear)
    return nn.Sequential(nn.LayerNorm(channels), pooled, nn.Dropout(settings.dropout), linear)


class Quarters(nn.AdaptiveAvgPool2d):
    """Means over four parts of a map; where a side is odd, they share its middle.

    A GPU adds up the gradient of adaptive pooling in an order of chance. There it is the pooling of
    fixed windows that gives the same means.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, features: Tensor) -> Tensor:
        if features.device.type == "cuda":
            return quarter_means(features)
        return super().forward(features)


def quarter_means(features: Tensor) -> Tensor:
    """``(N, channels, 2, 2)`` of ``(N, channels, H, W)`` with sides of at least 2."""
    sides = features.shape[-2:]
    windows, steps = [(side + 1) // 2 for side in sides], [side // 2 for side in sides]
    return functional.avg_pool2d(features, windows, steps)


class Halves(nn.AvgPool2d):
    """Means over 2×2 pixels, whose gradient comes in the order of the maps.

    What flattens them hands their gradient back channels first. From such a one a CPU's gradient of
    maps that lie channels last takes several times as long. In order it has the same bits.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, features: Tensor) -> Tensor:
        means = super().forward(features)
        ordered = features.is_contiguous(memory_format=torch.channels_last)
        learns = self.training and means.requires_grad and not torch.compiler.is_compiling()
        if learns and ordered and means.device.type == "cpu":
            means.register_hook(_channels_last)  # type: ignore[no-untyped-call]  # PyTorch's
        return means


def _channels_last(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=torch.channels_last)


class ChannelsFirst(nn.Module):
    """``(N, H, W, channels)`` to ``(N, channels, H, W)``."""

    def forward(self, features: Tensor) -> Tensor:
        return features.permute(0, 3, 1, 2)


class MeanToken(nn.Module):
    """The mean of the image's tokens: ``(N, L, channels)`` to ``(N, channels)``."""

    def __init__(self, prefix_tokens: int) -> None:
        super().__init__()
        self.prefix_tokens = prefix_tokens

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.mean(tokens[:, self.prefix_tokens :], dim=1)


def _run(module: nn.Module, inputs: Tensor) -> tuple[Tensor, int]:
    """Its output and MACs; a batch norm in training would count the zeros."""
    with evaluated(module), counted_macs() as counter:
        outputs = module(inputs)
    return outputs, counter.macs


def zero_features(name: str, module: nn.Module, image_shape: Shape) -> Tensor:
    """What ``module`` makes of a zero image.

    Raises:
        ValueError: it does not take images of this shape.
    """
    try:
        with evaluated(module):
            features: Tensor = module(torch.zeros(1, *image_shape))
            return features
    except (AssertionError, RuntimeError, ValueError) as error:
        channels, height, width = image_shape
        raise ErdeError(
            f"{name} must take images of {height}×{width} with {channels} channels, "
            f"got from it: {' '.join(str(error).split()) or type(error).__name__}"
        ) from error


def _check_features(index: int, features: object, wanted: str, image_shape: Shape) -> None:
    shape = getattr(features, "shape", None)
    if not isinstance(features, Tensor) or features.ndim != len(wanted):
        found = shape if shape is not None else type(features).__name__
        axes = ", ".join({"C": "channels"}.get(axis, axis) for axis in wanted)
        raise ErdeError(f"stage {index} must give features ({axes}), got {found}")
    if wanted != "NCHW":
        return
    _, first, middle, last = features.shape
    if not _has_sides(middle, last, image_shape) and _has_sides(first, middle, image_shape):
        raise ErdeError(
            f"stage {index} must give features (N, channels, H, W) of {image_shape[1]}×"
            f"{image_shape[2]} images, got {tuple(features.shape)}, which look like "
            "(N, H, W, channels): say features='NHWC'"
        )


def _has_sides(height: int, width: int, image_shape: Shape) -> bool:
    """Whether a feature map of these sides may be of such an image, up to rounding."""
    _, image_height, image_width = image_shape
    slack = max(image_height, image_width)
    return abs(height * image_width - width * image_height) <= slack and (
        height <= image_height and width <= image_width
    )
