"""Turns what pydantic says of an experiment file into one sentence: key, rule, value."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from erde_core.errors import ErdeError
from erde_torch.networks.settings import NetworkSettings

_MIXING = ("mixup", "cutmix")
_LONGEST_SHOWN, _LONGEST_SENTENCE = 100, 800  # letters
# Keys that a class does not have, and why not.
_ELSEWHERE: dict[type, Mapping[str, str]] = {
    NetworkSettings: {
        "cascade": "only a variant's own network can be a cascade (variants.<name>.network), "
        "of members that are none"
    }
}
# What pydantic says of Python's values, which a file has under other names.
_IN_YAML = {
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must hold at least {min_length}",
}
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")  # of a model, of a dataclass


class ExperimentError(ErdeError):
    """An experiment file breaks a rule; the message is one sentence, and not a page."""

    def __init__(self, message: str) -> None:
        longest = _LONGEST_SENTENCE
        super().__init__(message if len(message) <= longest else f"{message[:longest]}…")


def sentence(error: ValidationError, model: type) -> str:
    """The first broken rule of ``error``, and how many more there are."""
    # A misspelt key is also a missing one: the unknown key comes first, as it names the cause.
    errors = sorted(error.errors(include_url=False), key=lambda e: e["type"] not in _UNKNOWN)
    first = _one_rule(errors[0], model)
    return first if len(errors) == 1 else f"{first} (and {len(errors) - 1} more)"


def unknown_key(key: str, known: Iterable[str]) -> str:
    """What to say of a key that does not exist."""
    if key in _MIXING:
        return (
            f"{key!r} mixes images, which the cached teacher cannot serve: it has answered "
            "every view of one image, not mixtures of several"
        )
    return f"unknown key {key!r}; {nearest(key, known)}"


def nearest(word: str, known: Iterable[str]) -> str:
    """A question that names the nearest known word, or the list of them."""
    known = list(known)
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"


def shown(value: object) -> str:
    """A value as an error shows it: in Python's spelling, and not longer than a line."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _one_rule(rule: ErrorDetails, model: type[BaseModel]) -> str:
    parent, path = _model_at(model, rule["loc"])
    where = ".".join(path)
    if rule["type"] in _UNKNOWN:
        unwanted: Mapping[str, str] = _ELSEWHERE.get(parent) or getattr(parent, "unwanted", {})
        why = unwanted.get(path[-1])
        if why:
            return f"{where} must be left out: {why}"
        text = unknown_key(path[-1], _annotations(parent))
        return f"{'.'.join(path[:-1])}: {text}" if path[1:] else text
    if rule["type"] == "missing":
        return f"{where}: this key is required"
    if rule["type"] == "value_error":
        text = str(rule["ctx"]["error"])
        if where and text.split()[0] in _annotations(parent):
            return f"{where}.{text}"
        return f"{where}: {text}" if where else text
    if rule["type"] == "union_tag_invalid":
        tag = rule["ctx"]["tag"]
        tags = [known.strip(" '") for known in rule["ctx"]["expected_tags"].split(",")]
        return f"{where}.name: unknown name {shown(tag)}; {nearest(tag, tags)}"
    if rule["type"] == "union_tag_not_found":
        return f"{where}.name: this key is required"
    if rule["type"] in ("dict_type", "model_type", "model_attributes_type", "dataclass_type"):
        return f"{where}: must be a mapping of keys, got {shown(rule['input'])}"
    own = _IN_YAML.get(rule["type"])
    message = own.format(**rule.get("ctx", {})) if own else rule["msg"]
    message = message.replace("Input should", "must").replace(" should ", " must ")
    advice = ": write it in quotes" if _was_text(rule) else ""
    return f"{where}: {message}, got {shown(rule['input'])}{advice}"


def _was_text(rule: ErrorDetails) -> bool:
    """Whether YAML made a number of what the schema wants as text."""
    return rule["type"] == "string_type" and isinstance(rule["input"], int | float)


def _model_at(model: type, place: tuple[str | int, ...]) -> tuple[type, list[str]]:
    """The class that holds the last key, and the path without the tags that a union adds."""
    path: list[str] = []
    marks: list[Any] = []
    for part in place:
        chosen = [one for mark in marks if (one := mark.tagged(part)) is not None]
        marks = []
        if chosen:
            model = chosen[0]
            continue
        path.append(str(part))
        annotation = _annotations(model).get(str(part))
        if annotation is not None:
            marks = _choices(model, str(part))
            held = next(iter(get_args(annotation)), None)  # of a list of mappings, what it lists
            kinds = (_or_switch(model, str(part)), annotation, held)
            model = next((kind for kind in kinds if kind and _annotations(kind)), model)
    return model, path


def _choices(model: type, key: str) -> list[Any]:
    """The marks of a key under which one of several classes is chosen."""
    return [mark for mark in _marks(model, key) if hasattr(mark, "tagged")]


def _or_switch(model: type, key: str) -> type | None:
    """The class of the mapping that a key may have in place of true or false."""
    return next((m.settings for m in _marks(model, key) if hasattr(m, "settings")), None)


def _marks(model: type, key: str) -> list[Any]:
    known = getattr(model, "model_fields", {})
    return known[key].metadata if key in known else []


def _annotations(kind: object) -> Mapping[str, Any]:
    """The keys of a class that stands for a mapping, with their annotations; of others none."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    if not (isinstance(kind, type) and is_dataclass(kind)):
        return {}
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
