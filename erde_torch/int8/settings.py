"""How a network is brought to 8 bits. Imports no torch."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from erde_core.fields import STRICT_KEYS, check_fields


@dataclass(frozen=True, kw_only=True)
class Int8Settings:
    """Static quantisation: weights int8 per channel, activations uint8 per tensor.

    Attributes:
        images: train images whose activations give the ranges; all of them where there are fewer.
        method: which range is taken: all that was seen (``minmax``), the one that keeps the
            distribution best (``entropy``, by Kullback and Leibler's divergence), or 99.999 % of
            it (``percentile``).
        reduce_range: weights in 7 bits, so that processors without VNNI, which add pairs of
            products in 16 bits, cannot overflow and every processor computes the same.
        correct_biases: whether biases make up for what rounding moves a layer's mean output by.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    images: Annotated[int, Ge(1)] = 512
    method: Literal["minmax", "entropy", "percentile"] = "minmax"
    reduce_range: bool = True
    correct_biases: bool = True

    def __post_init__(self) -> None:
        check_fields(self)
