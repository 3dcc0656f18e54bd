"""A cascade from trained members: their weights as they are, under one card."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from erde_core.errors import ErdeError
from erde_core.store.exit_logits import MIXED
from erde_torch.networks.cascades.network import Cascade
from erde_torch.networks.weights import NetworkCard, read_network

T = TypeVar("T")


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
        if _trained_as(first, card) != first:
            raise ErdeError(
                f"members of a cascade must see the same images and classes, got others in {path} "
                f"than in {first_path}"
            )
    described = [card.network for _, _, card in found]
    card = replace(
        first,
        network={"cascade": described, "average": average},
        precision=_common([card.precision for _, _, card in found], MIXED),
        threads=_common([card.threads for _, _, card in found], None),
    )
    members = [network for _, network, _ in found]
    return Cascade(members, average, first.image_shape), card


def _trained_as(first: NetworkCard, card: NetworkCard) -> NetworkCard:
    """``card`` with what may differ between members: of their training, not of what they see."""
    return replace(card, network=first.network, precision=first.precision, threads=first.threads)


def _common(values: Sequence[T], otherwise: T) -> T:
    """The value that all of them are, if there is one."""
    return values[0] if len(set(values)) == 1 else otherwise
