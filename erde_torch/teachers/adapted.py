"""A network that wants images another way, or has the classes in another order, as ours see it.

It is given what every network here is given: images of the data set's size, normalised by the data
set's statistics. What it wants itself, it does first, and at the end the classes come in our order.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.weights import NetworkCard
from erde_torch.teachers.settings import SeenAs


@dataclass(frozen=True)
class Adaptation:
    """What stands between the data set and a network.

    Attributes:
        seen: how the network sees images; None in a field: as the data set has it.
        order: of each of our classes, its place in the network's answer; None: the same.
        probabilities: whether its answer is probabilities, of which the logarithm is taken.
    """

    seen: SeenAs = field(default_factory=SeenAs)
    order: tuple[int, ...] | None = None
    probabilities: bool = False

    def inputs(self, card: NetworkCard) -> nn.Module:
        """From normalised images of the data set to what the network wants."""
        size = self.seen.image_size
        resized = None if size is None or size == tuple(card.image_shape[1:]) else size
        mean, std = self.seen.mean or card.mean, self.seen.std or card.std
        if (mean, std) == (card.mean, card.std) and resized is None:
            return nn.Identity()
        return _Inputs(mean, std, card, resized)

    def outputs(self) -> nn.Module:
        """From the network's answer, classes last, to our logits."""
        ordered = self.order is not None and self.order != tuple(range(len(self.order)))
        parts: list[nn.Module] = [_Logarithm()] if self.probabilities else []
        parts += [_Order(self.order)] if ordered and self.order is not None else []
        return nn.Sequential(*parts) if parts else nn.Identity()

    def image_shape(self, card: NetworkCard) -> tuple[int, int, int]:
        """(channels, height, width) of what the network is given."""
        height, width = self.seen.image_size or card.image_shape[1:]
        return card.image_shape[0], height, width


def adapted(
    network: MultiExitNetwork, adaptation: Adaptation, card: NetworkCard
) -> MultiExitNetwork:
    """``network`` behind and before what it needs; itself where it needs nothing."""
    inputs, outputs = adaptation.inputs(card), adaptation.outputs()
    if isinstance(inputs, nn.Identity) and isinstance(outputs, nn.Identity):
        return network
    stem = nn.Sequential(inputs, network.stem)
    heads = [nn.Sequential(head, adaptation.outputs()) for head in network.heads]
    return MultiExitNetwork(stem, zip(network.stages, heads, strict=True)).eval()


class _Inputs(nn.Module):
    """Normalises and resizes anew."""

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        card: NetworkCard,
        size: tuple[int, int] | None,
    ) -> None:
        super().__init__()
        channels = [torch.tensor(v).view(-1, 1, 1) for v in (mean, std, card.mean, card.std)]
        own_mean, own_std, data_mean, data_std = channels
        self.register_buffer("scale", data_std / own_std)
        self.register_buffer("shift", (data_mean - own_mean) / own_std)
        self.register_buffer("size", torch.tensor(size or (), dtype=torch.int64))
        self._resized = size

    def forward(self, images: Tensor) -> Tensor:
        pixels: Tensor = images * self.scale + self.shift
        if self._resized is None:
            return pixels
        return F.interpolate(
            pixels, self._resized, mode="bilinear", antialias=True, align_corners=False
        )


class _Order(nn.Module):
    """Classes in our order."""

    order: Tensor

    def __init__(self, order: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("order", torch.tensor(order))

    def forward(self, logits: Tensor) -> Tensor:
        return logits.index_select(-1, self.order)


class _Logarithm(nn.Module):
    """Logits of probabilities. What is 0 counts as the smallest normal number."""

    least: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("least", torch.tensor(torch.finfo(torch.float32).tiny))

    def forward(self, probabilities: Tensor) -> Tensor:
        return torch.log(torch.maximum(probabilities.float(), self.least))
