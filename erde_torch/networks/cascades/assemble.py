"""A cascade from trained members: their weights as they are, under one card."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from erde_core.errors import ErdeError
from erde_torch.networks.cascades.network import Cascade
from erde_torch.networks.weights import NetworkCard, read_network


def assemble(paths: Iterable[str | Path], average: bool) -> tuple[Cascade, NetworkCard]:
    """The cascade of the networks at ``paths``, from cheap to dear, and its card.

    Args:
        paths: weights of networks that were trained on one data set.
        average: as in ``CascadeSettings``.

    Raises:
        StoreError: a file cannot be read.
        ErdeError: two members were trained on different data sets, or see different images.
    """
    found = [(str(path), *read_network(path)) for path in paths]
    first_path, _, first = found[0]
    for path, _, card in found[1:]:
        if replace(card, network=first.network, precision=first.precision) != first:
            raise ErdeError(
                f"members of a cascade must see the same images and classes, got others in {path} "
                f"than in {first_path}"
            )
    described = [card.network for _, _, card in found]
    card = replace(first, network={"cascade": described, "average": average})
    members = [network for _, network, _ in found]
    return Cascade(members, average, first.image_shape), card
