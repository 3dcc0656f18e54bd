"""A variant's own ``train``: settings of a training, laid over the student's key by key.

They say what is learned. How the work is done is the same for all students, and stays theirs.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from erde.experiment.errors import sentence, shown, unknown_key
from erde.experiment.names import value_text
from erde.experiment.variants import Variant
from erde_core.errors import ErdeError
from erde_core.fields import FromMapping
from erde_torch.training.settings import StudentSettings, TrainSettings

WORK = ("compile", "graph", "threads", "processes")  # how it is done
_FIELDS = tuple(field.name for field in dataclasses.fields(TrainSettings))
OWN_KEYS = tuple(name for name in _FIELDS if name not in WORK)


def with_own_train(variants: Mapping[str, Variant], student: StudentSettings) -> dict[str, Variant]:
    """The variants, of whose ``train`` is left what differs from the student's.

    Raises:
        ErdeError: a rule is broken; the message begins with the place in the file.
    """
    found = {}
    for name, variant in variants.items():
        try:
            own = _differences(variant.train, student)
            if own.get("kd_warmup") and not variant.loss.reads_target:
                raise ErdeError(
                    "train.kd_warmup must be 0 where kd_weight is: no term warms up, "
                    f"got {own['kd_warmup']}"
                )
            if "class_weights" in own and not variant.loss.ce_weight:
                raise ErdeError(
                    "train.class_weights must be left out where ce_weight is 0: no term reads it, "
                    f"got {own['class_weights']!r}"
                )
        except ErdeError as error:
            raise ErdeError(f"variants.{name}.{error}") from None
        found[name] = variant.model_copy(update={"train": own})
    return found


def described(train: Mapping[str, Any]) -> str:
    """A variant's own settings in words: ``epochs 20, kd_warmup 2``."""
    return ", ".join(f"{key} {value_text(value)}" for key, value in train.items())


def _differences(keys: object, student: StudentSettings) -> dict[str, Any]:
    """In the order of the fields, as the settings hold them; ErdeError begins with ``train``."""
    if keys == {}:
        return {}
    if not isinstance(keys, dict):
        raise ErdeError(f"train: must be a mapping of keys, got {shown(keys)}")
    for key, value in keys.items():
        _check_key(key, value)
    usual = dataclasses.asdict(student.train)
    train = _validated(usual | keys)
    dataclasses.replace(student, train=train)  # which refuses what no student has
    return {key: value for key in _FIELDS if (value := getattr(train, key)) != usual[key]}


def _check_key(key: object, value: object) -> None:
    if key in WORK:
        raise ErdeError(
            f"train.{key} must be left out: how the work is done is the same for all students "
            f"(student.train.{key})"
        )
    if key not in OWN_KEYS:
        raise ErdeError(f"train: {unknown_key(str(key), OWN_KEYS)}")
    if isinstance(value, list):
        raise ErdeError(
            f"train.{key} must be one value, as only settings of the loss may list values (name a "
            f"variant for each), got {shown(value)}"
        )


def _validated(keys: Mapping[str, object]) -> TrainSettings:
    mapping: Any = Annotated[TrainSettings, FromMapping()]
    try:
        train: TrainSettings = TypeAdapter(mapping).validate_python(keys)
    except ValidationError as error:
        raise ErdeError(f"train.{sentence(error, TrainSettings)}") from None
    return train
