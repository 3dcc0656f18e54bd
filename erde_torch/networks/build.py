"""From settings to a network: the family's blocks, cut at the exits, with a head after each cut."""

import importlib
from collections.abc import Iterable, Iterator

from torch import nn

from erde_torch.networks.cascades.settings import AnyNetwork, CascadeSettings
from erde_torch.networks.families.layers import initialise
from erde_torch.networks.heads import HeadSettings, with_heads
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.settings import NetworkSettings, Place, exit_places
from erde_torch.networks.table import family_of

Shape = tuple[int, int, int]
# Loaded where one is built: no training depends on it.
_CASCADES = "erde_torch.networks.cascades.network"


def build_network(
    network: AnyNetwork, classes: int, image_shape: Shape, *, pretrained: bool = False
) -> MultiExitNetwork:
    """The network with fresh weights.

    Args:
        network: family, size and exits; or the members of a cascade.
        classes: C.
        image_shape: (channels, height, width); decides what ``auto`` means and the heads' size.
        pretrained: whether the backbone has the weights that its family publishes.

    Raises:
        ValueError: the images are too small, or an exit does not exist.
    """
    if isinstance(network, CascadeSettings):
        members = [build_network(member, classes, image_shape) for member in network.members]
        cascade: MultiExitNetwork = importlib.import_module(_CASCADES).Cascade(
            members, network.average, image_shape
        )
        return cascade
    return _build(network.resolved(image_shape), classes, image_shape, pretrained)


def _build(
    network: NetworkSettings, classes: int, image_shape: Shape, pretrained: bool
) -> MultiExitNetwork:
    family = family_of(network.name)
    extra = {"pretrained": True} if pretrained else {}
    made = family.load()(network, image_shape, family.blocks.get(network.name, ()), **extra)
    places = exit_places(network.name, network.exits, made.counts)
    heads = HeadSettings(
        classes=classes,
        kind=network.head,
        pool="adaptive2" if network.head_pool == "auto" else network.head_pool,
        dropout=network.head_dropout,
        features=made.features,
        prefix_tokens=made.prefix_tokens,
    )
    stages = _cut(made.blocks, places)
    parts = with_heads(made.stem, stages, len(places), heads, image_shape)
    built = MultiExitNetwork(made.stem, parts)
    initialise(built.heads if made.initialised else built)
    return built


def _cut(
    blocks: Iterable[tuple[int, nn.Module]], places: tuple[Place, ...]
) -> Iterator[nn.Sequential]:
    """What lies between two exits, as one stage."""
    waiting: list[nn.Module] = []
    stage, number = 0, 0
    for of_stage, block in blocks:
        stage, number = (stage, number) if of_stage == stage else (of_stage, 0)
        waiting.append(block)
        if (stage, number) in places:
            yield nn.Sequential(*waiting)
            waiting = []
        number += 1
