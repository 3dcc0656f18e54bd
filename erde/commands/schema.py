"""Print the JSON schema of experiment files, by which editors complete and check keys.

With the YAML extension of VS Code: `erde schema > experiment.schema.json`, and as the first line of
an experiment file `# yaml-language-server: $schema=experiment.schema.json`.
"""

import argparse
import json
from typing import Any


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
    loss = definitions.pop("LossSettings")["properties"]
    variant = definitions["Variant"]
    method, teacher, network = (variant["properties"][k] for k in ("method", "teacher", "network"))
    listed = {key: _or_listed(key, rule) for key, rule in loss.items()}
    own = {"method": method, "teacher": teacher | {"default": "cache"}, "network": network}
    variant["properties"] = own | listed
    variant |= {"required": ["method"], "additionalProperties": False}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def _or_listed(key: str, rule: dict[str, Any]) -> dict[str, Any]:
    """A setting of the loss, or a list of values: one variant for each."""
    default = {"default": rule["default"]} if "default" in rule else {}
    if key == "exit_weights":  # a list already: listed values are a list of lists
        numbers = {"type": "array", "items": {"type": "number", "minimum": 0}}
        rule = numbers | {"type": ["array", "null"]}
        return {"anyOf": [rule, {"type": "array", "items": numbers, "minItems": 1}]} | default
    one = {name: value for name, value in rule.items() if name not in ("default", "title")}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]} | default
