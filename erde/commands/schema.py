"""Print the JSON schema of experiment files, by which editors complete and check keys.

With the YAML extension of VS Code: `erde schema > experiment.schema.json`, and as the first line of
an experiment file `# yaml-language-server: $schema=experiment.schema.json`.
"""

import argparse
import json
from collections.abc import Mapping
from typing import Any

_Rule = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """None: it prints to standard output."""


def run(options: argparse.Namespace) -> int:
    """Print it."""
    print(json.dumps(experiment_schema(), indent=2))
    return 0


def experiment_schema() -> dict[str, Any]:
    """The schema, in which variants have the flat keys that a file gives them."""
    from erde.experiment.schema import Experiment

    schema = Experiment.model_json_schema()
    definitions = schema["$defs"]
    _narrow(definitions)
    schema["properties"]["seeds"]["uniqueItems"] = True
    del definitions["LossSettings"]
    variant = definitions["Variant"]
    method, teacher, network = (variant["properties"][k] for k in ("method", "teacher", "network"))
    own = {"method": method, "teacher": teacher | {"default": "cache"}, "network": network}
    definitions["OwnTrain"] = _own_train(definitions["TrainSettings"])
    own["train"] = {"anyOf": [{"$ref": "#/$defs/OwnTrain"}, {"type": "null"}], "default": None}
    variant["properties"] = own | _loss_keys()
    variant |= {"required": ["method"], "additionalProperties": False}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def _narrow(definitions: Mapping[str, _Rule]) -> None:
    """Put in what settings check in code and their annotations do not say, key by key."""
    from erde_core.fields import SEEDS
    from erde_torch.networks.table import TIMM, known_names
    from erde_torch.training.settings import MOST_THREADS

    side, above, whole = _number("integer", minimum=1), _number(exclusiveMinimum=0), "^[0-9]+"
    sides = {"type": "array", "prefixItems": [side, side], "minItems": 2, "maxItems": 2}
    share = above | {"maximum": 1}
    size = {"anyOf": [side, sides, {"type": "null"}]}
    means, deviations = (
        {"anyOf": [{"type": "array", "items": one, "minItems": 1}, {"type": "null"}]}
        for one in (_number(minimum=0, maximum=1), share)
    )
    seen: dict[str, _Rule] = {"image_size": size, "mean": means, "std": deviations}
    name = [{"enum": known_names()}, {"type": "string", "pattern": f"^{TIMM}"}]
    stage = [_number("integer", minimum=0), {"type": "string", "pattern": rf"{whole}\.[0-9]+$"}]
    fraction = above | {"exclusiveMaximum": 1}
    rules: dict[str, dict[str, _Rule]] = {
        "TrainSettings": {
            "graph": {"anyOf": [{"type": "boolean"}, {"const": "auto"}]},
            "threads": {"anyOf": [side | {"maximum": MOST_THREADS}, {"const": "auto"}]},
        },
        "CacheSettings": {"views": {"anyOf": [side, {"const": "all"}]}},
        "CropSettings": {
            "scale": {"prefixItems": [share, share]},
            "ratio": {"prefixItems": [above, above]},
            "seed": {"minimum": 0, "exclusiveMaximum": SEEDS},
        },
        "NetworkSettings": {
            "name": {"anyOf": name},
            "exits": {"anyOf": [{"type": "array", "items": {"anyOf": stage}}, {"type": "null"}]},
        },
        "CascadeSettings": {"cascade": {"minItems": 2}},
        "StudentSettings": {"train": {"properties": {"label_smoothing": {"const": 0}}}},
        "TeacherSettings": {"train": {"properties": {"kd_warmup": {"const": 0}}}},
        "FolderSettings": {
            "path": {"minLength": 1},
            "validation": {"anyOf": [side, fraction, {"const": "folder"}]},
        },
        "WeightsTeacher": seen,
        "OnnxTeacher": seen,
    }
    for settings, keys in rules.items():
        for key, rule in keys.items():
            definitions[settings]["properties"][key] |= rule


def _own_train(train: _Rule) -> _Rule:
    """What a variant may set in place of the student's ``train``; each default is its value."""
    from erde.experiment.own_train import OWN_KEYS

    rules = {key: dict(train["properties"][key]) for key in OWN_KEYS}
    for rule in rules.values():
        rule.pop("default", None)
    rules["label_smoothing"]["const"] = 0
    described = "Laid over the student's train, key by key."
    keys = {"properties": rules, "additionalProperties": False}
    return {"type": "object", "title": "OwnTrain", "description": described, **keys}


def _loss_keys() -> dict[str, _Rule]:
    """Every setting of the loss: its value, or a list of values (one variant for each)."""
    from erde.experiment.names import LIST_FIELDS

    keys = {}
    for key, rule in _loss_rules().items():
        one = {"anyOf": [rule, {"type": "null"}]} if key in LIST_FIELDS else rule
        listed = {"type": "array", "items": rule, "minItems": 1, "uniqueItems": True}
        keys[key] = {"anyOf": [one, listed]} | _default(key)
    return keys


def _loss_rules() -> dict[str, _Rule]:
    """What ``LossSettings`` takes, which checks its fields itself, in the order of its fields."""
    from erde_core.checks import LARGEST_WEIGHT, TEMPERATURES

    lowest, highest = TEMPERATURES
    weight = _number(minimum=0, maximum=LARGEST_WEIGHT)
    return {
        "temperature": _number(minimum=lowest, maximum=highest),
        "ce_weight": weight,
        "kd_weight": weight,
        "entropy_weight": weight,
        "exit_weights": {"type": "array", "items": weight, "minItems": 1},
        "kd_mask": {"enum": ["right", "all"]},
        "kd_exits": {"enum": ["all", "late"]},
        "ce_mask": {"enum": ["all", "right"]},
        "entropy_exits": {"enum": ["all", "early"]},
        "entropy_scale": {"enum": ["nats", "log_c"]},
        "right_from": {"enum": ["exit", "last"]},
        "target_from": {"enum": ["exit", "last"]},
        "standardise": {"type": "boolean"},
        "decoupled": {"type": "array", "items": weight, "minItems": 2, "maxItems": 2},
        "self_weight": weight,
    }


def _default(key: str) -> _Rule:
    """The key's default; in words where it is another one in another method."""
    from erde_core.settings import METHODS, method_settings

    found = {method: getattr(method_settings(method), key) for method in METHODS}
    if len(set(found.values())) == 1:
        return {"default": found["erde"]}
    words = ", ".join(f"{method}: {json.dumps(value)}" for method, value in found.items())
    return {"description": f"Default by method: {words}."}


def _number(kind: str = "number", **bounds: float) -> _Rule:
    return {"type": kind, **bounds}
