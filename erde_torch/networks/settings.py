"""Which network: its family, its width and its exits' heads. Imports no torch."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from erde_core.fields import STRICT_KEYS, check_fields


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """A ResNet with an exit after each of its four stages.

    Attributes:
        name: of the family and its depth.
        width: multiplies all channels.
        head_pool: average pooling of the early heads, by 2×2 or to 2×2.
        head_dropout: before the linear layer of the early heads.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    name: Literal["resnet10", "resnet18", "resnet34", "resnet50"]
    width: Annotated[float, Gt(0), Le(4)] = 1.0
    head_pool: Literal["avg2", "adaptive2"] = "avg2"
    head_dropout: Annotated[float, Ge(0), Lt(1)] = 0.5

    def __post_init__(self) -> None:
        check_fields(self)
