"""What stands at a key whose mapping may be one of several classes, or a switch.

``sentence`` (``erde.experiment.errors``) asks a mark for the class that an error's place means.
"""

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import Discriminator, Field, Tag
from pydantic_core import PydanticCustomError, core_schema

from erde_core.fields import FromMapping
from erde_torch.teachers.settings import KINDS
from erde_torch.training.settings import TeacherSettings


class OneOf:
    """Marks a field whose key ``name`` says which class of settings it has."""

    def __init__(self, classes: Iterable[type]) -> None:
        self._classes = tuple(dict.fromkeys(classes))

    def tagged(self, tag: object) -> type | None:
        """The class that an error's place calls ``tag``."""
        names = ((get_type_hints(one)["name"], one) for one in self._classes)
        return next((one for name, one in names if tag in get_args(name)), None)

    def __get_pydantic_core_schema__(self, source: object, handler: Any) -> Any:  # noqa: ANN401
        members: list[Any] = [Annotated[one, FromMapping()] for one in self._classes]
        union = functools.reduce(operator.or_, members)
        return handler.generate_schema(Annotated[union, Field(discriminator="name")])


class OrSwitch:
    """Marks a field that is false, true (all defaults) or the mapping of a class of settings."""

    def __init__(self, settings: type) -> None:
        self.settings = settings

    def __get_pydantic_core_schema__(self, source: object, handler: Any) -> Any:  # noqa: ANN401
        def written(value: object, inner: Callable[[object], object]) -> object:
            return value if isinstance(value, bool) else inner(value)

        def read(value: object, inner: Callable[[object], object]) -> object:
            if not isinstance(value, bool | dict | self.settings):
                raise PydanticCustomError("switch", "must be true, false or a mapping of keys")
            return written(value, inner)

        mapping: Any = Annotated[self.settings, FromMapping()]
        inner = handler.generate_schema(mapping)
        as_written = core_schema.wrap_serializer_function_ser_schema(written, schema=inner)
        return core_schema.no_info_wrap_validator_function(read, inner, serialization=as_written)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:  # noqa: ANN401
        return {"anyOf": [{"type": "boolean"}, handler(schema)]}


class OneTeacher:
    """Marks the teacher, whose kind follows from its keys: trained here, or given."""

    _trained_here = "train"

    def tagged(self, tag: object) -> type | None:
        """The class that an error's place calls ``tag``."""
        return self._classes().get(str(tag))

    def __get_pydantic_core_schema__(self, source: object, handler: Any) -> Any:  # noqa: ANN401
        tagged: list[Any] = [
            Annotated[one, FromMapping(), Tag(tag)] for tag, one in self._classes().items()
        ]
        union = functools.reduce(operator.or_, tagged)
        return handler.generate_schema(Annotated[union, Discriminator(self._tag)])

    def _classes(self) -> dict[str, type]:
        return {self._trained_here: TeacherSettings, **KINDS}

    def _tag(self, teacher: object) -> str:
        """Of a file's keys, or of settings."""
        if isinstance(teacher, dict):
            return next((key for key in KINDS if key in teacher), self._trained_here)
        kinds = (key for key, kind in KINDS.items() if isinstance(teacher, kind))
        return next(kinds, self._trained_here)
