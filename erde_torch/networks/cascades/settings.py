"""Which networks stand one after the other. Imports no torch."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from erde_core import checks
from erde_core.errors import ErdeError
from erde_core.fields import STRICT_KEYS, FromList, FromMapping
from erde_torch.networks.settings import NetworkSettings

_Member = Annotated[NetworkSettings, FromMapping()]


@dataclass(frozen=True, kw_only=True)
class CascadeSettings:
    """Networks from cheap to dear, each of which takes the image.

    Its exits are those of all members in order, and their costs add up. Sources: Wang et al., 2022,
    arXiv 2012.01988.

    Attributes:
        cascade: the members; one with ``exits: []`` is a plain network.
        average: whether an exit's logits are the mean of the log-probabilities of the members so
            far; else they are its member's own.

    Raises:
        ErdeError: fewer than two members.
    """

    __pydantic_config__ = STRICT_KEYS

    cascade: Annotated[tuple[_Member, ...], FromList()]
    average: bool = False

    def __post_init__(self) -> None:
        if len(self.cascade) < 2:
            raise ErdeError(f"cascade must list at least 2 networks, got {len(self.cascade)}")
        checks.flag("average", self.average)

    @property
    def members(self) -> tuple[NetworkSettings, ...]:
        """As in :class:`NetworkSettings`, which has itself alone."""
        return self.cascade

    @property
    def exit_count(self) -> int | None:
        """E; None where a member must be asked."""
        counts = [member.exit_count for member in self.cascade]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def resolved(self, image_shape: tuple[int, int, int]) -> Self:
        """With every ``auto`` of every member decided for images of (channels, height, width)."""
        members = tuple(member.resolved(image_shape) for member in self.cascade)
        return dataclasses.replace(self, cascade=members)

    def described(self) -> dict[str, object]:
        """What a card keeps, as plain data."""
        members = [member.described() for member in self.cascade]
        return {"cascade": members, "average": self.average}


AnyNetwork = NetworkSettings | CascadeSettings


def network_settings(described: Mapping[str, Any]) -> AnyNetwork:
    """From ``described()``.

    Raises:
        ErdeError: a field breaks its rule.
        TypeError: an unknown field, or one that is missing.
    """
    if "cascade" not in described:
        return NetworkSettings(**described)
    members = tuple(NetworkSettings(**member) for member in described["cascade"])
    return CascadeSettings(**{**described, "cascade": members})
