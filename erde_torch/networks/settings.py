"""Which network: its family, its size, and where and how it can leave early. Imports no torch."""

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Gt, Le, Lt

from erde_core.errors import ErdeError
from erde_core.fields import STRICT_KEYS, FromMapping, check_fields
from erde_torch.networks.table import TIMM, family_of

_SMALL = 64  # pixels of the larger side up to which images are small
# Pydantic asks a strict tuple for a tuple, and a file gives a list.
_FROM_LIST = FromMapping()
Place = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """One network with several exits.

    Attributes:
        name: one of the table's names, or ``timm/<model>``.
        width: multiplies all channels.
        stem: ``small`` or ``imagenet``, as the family has them for small and for large images;
            ``auto`` is ``imagenet`` where the larger side has more than 64 pixels.
        exits: where one can leave: a whole number is the end of that stage, ``"stage.block"`` is
            inside it. The network's end is the last exit, named or not: ``[]`` is a plain network.
            None: after every stage.
        head: of the early exits: ``linear``, or ``conv`` with strided convolutions before it.
        head_pool: of a linear head, average pooling by 2×2 or to 2×2; ``auto`` is the first where
            the larger side has at most 64 pixels.
        head_dropout: before the linear layer of the early heads.
        weights: a file to start from, or ``pretrained`` (of timm's models, their own); None:
            random ones.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    name: str
    width: Annotated[float, Gt(0), Le(4)] = 1.0
    stem: Literal["auto", "small", "imagenet"] = "auto"
    exits: Annotated[tuple[object, ...], _FROM_LIST] | None = None
    head: Literal["linear", "conv"] = "linear"
    head_pool: Literal["auto", "avg2", "adaptive2"] = "auto"
    head_dropout: Annotated[float, Ge(0), Lt(1)] = 0.5
    weights: str | None = None

    def __post_init__(self) -> None:
        if self.exits is not None:  # a card's list
            object.__setattr__(self, "exits", tuple(self.exits))
        check_fields(self)
        family = family_of(self.name)
        if not family.scalable and (self.width != 1 or self.stem != "auto"):
            key, value = ("width", self.width) if self.width != 1 else ("stem", self.stem)
            raise ErdeError(f"{key} must be left out for {self.name}, got {value!r}")
        if self.head == "conv" and self.head_pool != "auto":
            raise ErdeError(f"head_pool must be left out with head 'conv', got {self.head_pool!r}")
        if self.weights == "pretrained" and not self.name.startswith(TIMM):
            raise ErdeError(f"weights must be a file for {self.name}, got 'pretrained'")
        blocks = family.blocks.get(self.name)
        if blocks:
            exit_places(self.name, self.exits, blocks)

    @property
    def members(self) -> "tuple[NetworkSettings, ...]":
        """The networks that see an image one after the other: this one alone."""
        return (self,)

    @property
    def exit_count(self) -> int | None:
        """E; None where it must be asked of the network itself."""
        if self.exits == ():
            return 1
        blocks = family_of(self.name).blocks.get(self.name)
        return len(exit_places(self.name, self.exits, blocks)) if blocks else None

    def resolved(self, image_shape: tuple[int, int, int]) -> Self:
        """With every ``auto`` decided for images of (channels, height, width)."""
        small = max(image_shape[1:]) <= _SMALL
        stem, pool = ("small", "avg2") if small else ("imagenet", "adaptive2")
        changes: dict[str, Any] = {}
        if self.stem == "auto" and family_of(self.name).scalable:
            changes["stem"] = stem
        if self.head_pool == "auto" and self.head == "linear":
            changes["head_pool"] = pool
        return dataclasses.replace(self, **changes)

    def start_hash(self) -> str | None:
        """SHA-256 of the file to start from; None where there is none.

        Raises:
            ValueError: ``weights`` names no file that can be read.
        """
        if self.weights in (None, "pretrained"):
            return None
        try:
            with open(self.weights, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ErdeError(
                f"weights must be a file that can be read, got {self.weights!r} ({error.strerror})"
            ) from None

    def described(self) -> dict[str, object]:
        """What a card keeps, as plain data: all but the weights that a training started from."""
        fields = dataclasses.asdict(self)
        del fields["weights"]
        return fields | {"exits": None if self.exits is None else list(self.exits)}


def exit_places(
    name: str, exits: Sequence[object] | None, blocks: Sequence[int]
) -> tuple[Place, ...]:
    """The (stage, block) after which each exit stands; the last is the network's end.

    Args:
        name: what errors call the network.
        exits: as in :class:`NetworkSettings`.
        blocks: of each stage, how many there are.

    Raises:
        ValueError: an exit does not exist, or they are not in order of their cost.
    """
    end = (len(blocks) - 1, blocks[-1] - 1)
    if exits is None:
        return tuple((stage, count - 1) for stage, count in enumerate(blocks))
    places = [_place(name, exit_, blocks) for exit_ in exits]
    if any(first >= second for first, second in pairwise(places)):
        shown = ", ".join(map(str, exits))
        raise ErdeError(f"exits must be in order of their cost, each once, got {shown}")
    return (*places, end) if end not in places else tuple(places)


def _place(name: str, exit_: object, blocks: Sequence[int]) -> Place:
    if type(exit_) is int and 0 <= exit_ < len(blocks):
        return exit_, blocks[exit_] - 1
    inside = re.fullmatch(r"(\d+)\.(\d+)", exit_) if isinstance(exit_, str) else None
    if inside:
        stage, block = int(inside[1]), int(inside[2])
        if stage < len(blocks) and block < blocks[stage]:
            return stage, block
    counts = ", ".join(map(str, blocks))
    raise ErdeError(
        f"exits must be stages 0 … {len(blocks) - 1} of {name}, or 'stage.block' in quotes inside "
        f"them (they have {counts} blocks), got {exit_!r}"
    )
