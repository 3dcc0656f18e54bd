"""Which of the teacher's answers are cached. Imports no torch."""

from dataclasses import dataclass
from typing import Annotated, Literal

from erde_core.errors import ErdeError
from erde_core.fields import STRICT_KEYS, OneSentence, check_fields


@dataclass(frozen=True, kw_only=True)
class CacheSettings:
    """The teacher's answers on the train split.

    Attributes:
        views: so many of the orbit's views, the identity among them.
        precision: of the teacher's forward pass.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    views: Annotated[int | str, OneSentence()] = "all"
    precision: Literal["auto", "float32", "bf16"] = "auto"

    def __post_init__(self) -> None:
        if self.views != "all" and (type(self.views) is not int or self.views < 1):
            raise ErdeError(f"views must be 'all' or a whole number >= 1, got {self.views!r}")
        check_fields(self)

    @property
    def view_count(self) -> int | None:
        """As the functions of :mod:`erde_core.views` take it: None for all."""
        return None if isinstance(self.views, str) else self.views
