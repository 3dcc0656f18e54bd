"""The variants of an experiment: a method with settings of the loss, or with lists of them.

A setting may list values, ``erde: {method: erde, entropy_weight: [0, 0.3, 1]}``: one variant for
each of them, or for each combination where several settings list. ``exit_weights`` and
``decoupled`` are lists already, so there a list of lists. ``erde.experiment.names`` says what the
variants are called.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SkipValidation,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from erde.experiment.errors import sentence, shown, unknown_key
from erde.experiment.learning import check_taught
from erde.experiment.names import LIST_FIELDS, LOSS_FIELDS, listed_name, value_text
from erde_core.errors import ErdeError
from erde_core.fields import FromMapping
from erde_core.settings import METHODS, LossSettings, method_settings
from erde_torch.networks.cascades.settings import AnyNetwork, CascadeSettings
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.settings import TrainSettings

MOST_VARIANTS = 1000
_KEYS = ("method", "teacher", "network", "train", *LOSS_FIELDS)
_HEARD = ("target_from", "right_from")  # which of the teacher's exits a student hears


class Variant(BaseModel):
    """A variant's method and settings: ``method`` plus any field of ``LossSettings``.

    ``network`` is its own in place of the student's, None without one. ``train`` is as the file
    has it; of a variant of an experiment it is what differs from the student's ``train``.
    ``chosen`` names the fields that the file sets; no result names it.
    """

    model_config = ConfigDict(frozen=True)
    method: Literal["ce", "kd", "masked_kd", "erde", "dkd", "kd_ls"]
    teacher: Literal["cache", "online"]
    loss: LossSettings
    chosen: frozenset[str] = Field(default=frozenset(), exclude=True)
    network: NetworkSettings | CascadeSettings | None = None
    train: Annotated[dict[str, Any], SkipValidation] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_flat_keys(cls, keys: Any) -> Any:  # noqa: ANN401 -- whatever the YAML holds
        if not isinstance(keys, dict):
            raise ErdeError(f"must be a mapping with the key 'method', got {shown(keys)}")
        for key in keys:
            if key not in _KEYS:
                raise ErdeError(unknown_key(str(key), _KEYS))
        if keys.get("method") not in list(METHODS):  # a list also refuses what cannot be hashed
            known = ", ".join(METHODS)
            raise ErdeError(f"method must be one of {known}, got {shown(keys.get('method'))}")
        loss = {key: value for key, value in keys.items() if key in LOSS_FIELDS}
        settings = method_settings(keys["method"], **loss)
        check_taught(settings)
        network = None if keys.get("network") is None else _network(keys["network"])
        train = {} if keys.get("train") is None else keys["train"]
        named = {"method": keys["method"], "teacher": keys.get("teacher", "cache"), "train": train}
        return named | {"loss": settings, "chosen": frozenset(loss), "network": network}

    @property
    def reads_cache(self) -> bool:
        """Whether its students read the teacher's cached logits."""
        return self.loss.needs_teacher and self.teacher == "cache"

    @property
    def asks_for_own_exit(self) -> bool:
        """Whether the file itself wants each exit to hear the teacher's exit of its number."""
        return any(getattr(self.loss, key) == "exit" for key in _HEARD if key in self.chosen)

    def overlaid(self, train: TrainSettings) -> TrainSettings:
        """The student's ``train`` with the variant's own laid over it, key by key."""
        return replace(train, **self.train)

    def for_exits(self, student: int, teacher: int) -> "Variant":
        """As it is for networks of so many exits.

        Where the numbers differ and a term reads the teacher's exit of the same number,
        ``target_from`` and ``right_from`` become ``last`` unless the file sets them.

        Raises:
            ErdeError: ``exit_weights`` are not one per exit, a setting acts on no exit, or the
                file asks for ``exit``.
        """
        self.loss.check_exits(student)
        self.loss.weights_of_exits(student)
        if student == teacher or not self.loss.reads_each_exit:
            return self
        left = [key for key in _HEARD if key not in self.chosen]
        heard: dict[str, Any] = dict.fromkeys(left, "last")
        loss = replace(self.loss, **heard)
        if loss.reads_each_exit:
            raise ErdeError(
                "target_from and right_from must be 'last' where student and teacher have "
                f"different numbers of exits, got {student} and {teacher}"
            )
        return self.model_copy(update={"loss": loss})


def expand_variants(variants: object) -> object:
    """Every variant that lists values replaced by its members; what is wrong otherwise is kept.

    Raises:
        ErdeError: a list is empty, repeats a value or holds a wrong one, two variants come to
            the same name, or the lists make too many variants; the message begins with the place
            in the file.
    """
    if not isinstance(variants, dict):
        return variants
    most = max((_count(keys) for keys in variants.values()), default=0)
    if most > MOST_VARIANTS:
        raise ErdeError(f"variants: lists must make at most {MOST_VARIANTS} variants, got {most}")
    expanded: dict[object, object] = {}
    origin: dict[object, object] = {}
    for name, keys in variants.items():
        for member, settings in _members(name, keys):
            if member in expanded:
                raise ErdeError(
                    f"variants: the name {member!r} must be one variant's, "
                    f"got it from {origin[member]!r} and from {name!r}"
                )
            expanded[member], origin[member] = settings, name
    return expanded


def plain_distillation(variants: Mapping[str, Variant]) -> Variant:
    """The first variant of method ``kd``; without one the method by its defaults."""
    found = (variant for variant in variants.values() if variant.method == "kd")
    return next(found, Variant.model_validate({"method": "kd"}))


def _network(keys: object) -> AnyNetwork:
    """ErdeError with one sentence, which begins with the place below the variant."""
    cascade = isinstance(keys, dict) and "cascade" in keys
    kind: type[AnyNetwork] = CascadeSettings if cascade else NetworkSettings
    mapping: Any = Annotated[kind, FromMapping()]  # a class that is only known here
    try:
        network: AnyNetwork = TypeAdapter(mapping).validate_python(keys)
    except ValidationError as error:
        text = sentence(error, kind)
        below = isinstance(keys, dict) and not text.startswith("unknown key")
        dot = "." if below else ": " if isinstance(keys, dict) else ""
        raise ErdeError(f"network{dot}{text}") from None
    _check_members_differ(network)
    return network


def _check_members_differ(network: AnyNetwork) -> None:
    """Equal ones are one training: the second would be paid for, and say what the first said."""
    for index, member in enumerate(network.members):
        first = network.members.index(member)
        if first < index:
            raise ErdeError(
                f"network.cascade must list networks that differ, got {member.name} as both "
                f"number {first} and number {index}"
            )


def _count(keys: object) -> int:
    """How many variants the lists of one make."""
    if not isinstance(keys, dict):
        return 1
    return math.prod(len(keys[key]) for key in LOSS_FIELDS if _lists(key, keys.get(key)))


def _members(name: object, keys: object) -> Iterator[tuple[object, object]]:
    if not isinstance(name, str) or not _is_readable(keys):
        yield name, keys  # for the model to refuse
        return
    listed = {key: keys[key] for key in LOSS_FIELDS if _lists(key, keys.get(key))}
    for key, values in listed.items():
        _check_values(name, keys["method"], key, values)
    for combination in itertools.product(*listed.values()):
        values = dict(zip(listed, map(_plain, combination), strict=True))
        yield listed_name(name, values), keys | values


def _is_readable(keys: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(keys, dict) and set(keys) <= set(_KEYS) and keys.get("method") in [*METHODS]


def _lists(key: str, value: object) -> bool:
    nested = isinstance(value, list) and any(isinstance(one, list) for one in value)
    return nested if key in LIST_FIELDS else isinstance(value, list)


def _check_values(name: str, method: str, key: str, values: list[Any]) -> None:
    place = f"variants.{name}"
    if not values:
        raise ErdeError(f"{place}: {key} must list at least one value, got []")
    for value in values:
        if value is None:
            raise ErdeError(f"{place}: {key} must list values without gaps, got {values}")
        try:
            method_settings(method, **{key: value})
        except ErdeError as error:
            raise ErdeError(f"{place}: {error}") from None
    if len(set(map(value_text, values))) != len(values):
        raise ErdeError(f"{place}: {key} must list values that differ, got {values}")


def _plain(value: object) -> object:
    """Numbers as floats: to write 1.0 for 1 in the file trains nothing again."""
    if isinstance(value, list):
        return [float(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
