"""What a frozen dataclass of settings says of its fields: words, ranges, and how a file gives it.

A field's annotation carries its rule, ``Annotated[int, Ge(1)]`` or ``Literal["a", "b"]``. The
dataclass holds itself to them (:func:`check_fields`); the schema of the experiment file reads the
same annotations, so that a range stands once.
"""

import dataclasses
import math
import operator
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from erde_core.errors import ErdeError

# For pydantic, which finds it in the class under the name __pydantic_config__.
STRICT_KEYS = {"extra": "forbid", "strict": True, "allow_inf_nan": False}
SEEDS = 2**31  # a seed lies below: it then fits the key of every generator
_RULES = {
    "ge": (operator.ge, ">="),
    "gt": (operator.gt, ">"),
    "le": (operator.le, "<="),
    "lt": (operator.lt, "<"),
}


class FromMapping:
    """Marks a field of settings, which a file gives as a mapping of keys.

    Pydantic asks a strict dataclass for an instance; its own fields stay strict.
    """

    def __get_pydantic_core_schema__(self, source: object, handler: Any) -> Any:  # noqa: ANN401
        schema = handler(source)
        handler.resolve_ref_schema(schema)["strict"] = False
        return schema


class FromList(FromMapping):
    """Marks a tuple among settings, which a file gives as a list; its items stay strict."""


class OneSentence:
    """Marks a field of several kinds, or a list of so many items, that its dataclass checks whole.

    Pydantic says one sentence for each kind or item, under keys that no file has. What it refuses
    is therefore handed on as it stands, for the dataclass to refuse it in one.
    """

    def __get_pydantic_core_schema__(self, source: object, handler: Any) -> Any:  # noqa: ANN401
        def handed_on(value: object, read: Callable[[object], object]) -> object:
            try:
                return read(value)
            except ValueError:  # of which pydantic's is one; it is not installed everywhere
                return value

        function = {"type": "no-info", "function": handed_on}
        return {"type": "function-wrap", "function": function, "schema": handler(source)}


def check_fields(settings: object) -> None:
    """Hold every number and word of a dataclass to its annotation.

    Raises:
        ValueError: with the field's name, the rule and the value.
    """
    hints = get_type_hints(type(settings), include_extras=True)
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]  # callers hand dataclasses
        hint, value = hints[field.name], getattr(settings, field.name)
        marks: tuple[object, ...] = ()
        if get_origin(hint) is Annotated:
            hint, *rest = get_args(hint)
            marks = tuple(rest)
        if get_origin(hint) is Literal and value not in get_args(hint):
            words = ", ".join(map(repr, get_args(hint)))
            raise ErdeError(f"{field.name} must be one of {words}, got {value!r}")
        for mark in marks:
            _check_range(field.name, mark, value)


def _check_range(name: str, mark: object, value: Any) -> None:  # noqa: ANN401
    for rule, (holds, sign) in _RULES.items():
        bound = getattr(mark, rule, None)
        if bound is not None and not (math.isfinite(value) and holds(value, bound)):
            raise ErdeError(f"{name} must be {sign} {bound}, got {value!r}")
