"""Reads a YAML file as a person does: what YAML 1.1 would turn into something else is refused.

YAML 1.1 takes ``010`` for 8, ``1:30`` for 90, ``no`` for false and ``2024-01-02`` for a date, keeps
the last of a repeated key, and lets a few lines of aliases stand for millions of values. Here a
plain word is true, false or null, a decimal number, or text that looks like none of these; all else
must stand in quotes.
"""

import math
import re
from pathlib import Path

import yaml

from erde_core.errors import ErdeError

_LARGEST_FILE = 256 * 1024  # bytes
_MOST_VALUES = 50_000  # with every alias counted as often as it stands
_DEEPEST = 20
_LONGEST_NUMBER = 30  # digits and signs

_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_DIGITS = "as a decimal number like 10, 0.5 or 1e-3, or in quotes where it is text"
_TAKEN_FOR = {  # by YAML 1.1, and what to write instead
    "tag:yaml.org,2002:bool": ("true or false", "true or false, or in quotes where it is text"),
    "tag:yaml.org,2002:int": ("another number", _DIGITS),
    "tag:yaml.org,2002:float": ("another number", _DIGITS),
    "tag:yaml.org,2002:timestamp": ("a date", "in quotes"),
    "tag:yaml.org,2002:value": ("a sign of its own", "in quotes"),
}

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]


class YamlError(ErdeError):
    """The file is no YAML, or a value in it could be read in two ways; one sentence."""


class _Composer(yaml.SafeLoader):
    """Parses only; what a plain word means is decided below."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode:
            return "plain" if implicit[0] else "text"
        return "list" if kind is yaml.SequenceNode else "mapping"


def read_yaml(path: Path) -> Value:
    """What the file holds.

    Raises:
        YamlError: not UTF-8, not YAML, a repeated key, a word that YAML 1.1 takes for something
            else, a tag, or more or deeper values than any file of settings has.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise YamlError(f"must be a file of at most {_LARGEST_FILE // 1024} kB, got more")
    try:
        node = yaml.compose(content.decode("utf-8-sig"), _Composer)
    except RecursionError:
        raise YamlError(f"must be nested at most {_DEEPEST} levels deep, got more") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise YamlError(f"not readable: {' '.join(str(error).split())}") from None
    return None if node is None else _Builder().value(node, 0)


class _Builder:
    """Turns nodes into values, and counts them."""

    def __init__(self) -> None:
        self.values = 0

    def value(self, node: yaml.Node, depth: int) -> Value:
        self.values += 1
        if self.values > _MOST_VALUES:
            raise YamlError(f"must hold at most {_MOST_VALUES} values, got more (by its aliases)")
        if depth > _DEEPEST:
            raise YamlError(f"{_at(node)}must be nested at most {_DEEPEST} levels deep, got more")
        if isinstance(node, yaml.ScalarNode) and node.tag in ("plain", "text"):
            return _plain(node) if node.tag == "plain" else str(node.value)
        if isinstance(node, yaml.SequenceNode) and node.tag == "list":
            return [self.value(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode) and node.tag == "mapping":
            return self._mapping(node, depth)
        raise YamlError(f"{_at(node)}tags must not be used, got {node.tag!r}")

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Value]:
        own: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        merges = False
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key in own or (key == "<<" and merges):
                raise YamlError(f"{_at(key_node)}key {key!r} must stand once, got it again")
            if key == "<<" and key_node.tag == "plain":
                merges, merged = True, self._merged(value_node, depth)
            else:
                own[key] = self.value(value_node, depth + 1)
        return merged | own

    def _merged(self, node: yaml.Node, depth: int) -> dict[str, Value]:
        """Of ``<<: *base``, or of a list of them, where the first that has a key gives it."""
        found = self.value(node, depth + 1)
        mappings = found if isinstance(found, list) else [found]
        merged: dict[str, Value] = {}
        for mapping in reversed(mappings):
            if not isinstance(mapping, dict):
                raise YamlError(f"{_at(node)}<< must name mappings, got {_shown(str(mapping))}")
            merged |= mapping
        return merged


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag not in ("plain", "text"):
        raise YamlError(f"{_at(node)}a key must be a word, got a {node.tag}")
    key = _plain(node) if node.tag == "plain" else node.value
    if isinstance(key, str):
        return key
    kind = "a number" if type(key) in (int, float) else "true, false or null"
    raise YamlError(
        f"{_at(node)}the key {node.value or '(nothing)'} must stand in quotes (YAML takes it for "
        f"{kind}): {_quoted(node.value)}"
    )


def _plain(node: yaml.ScalarNode) -> bool | int | float | str | None:
    """The value of a word that stands without quotes."""
    text: str = node.value
    if text.lower() in _WORDS and text in (text.lower(), text.capitalize(), text.upper()):
        return _WORDS[text.lower()]
    if _WHOLE.fullmatch(text) or (_DECIMAL.fullmatch(text) and not text.strip("+-").isdigit()):
        return _number(node)
    tag = _tag_1_1(text)
    if tag not in _TAKEN_FOR:
        return text
    taken, instead = _TAKEN_FOR[tag]
    raise YamlError(
        f"{_at(node)}{_shown(text)} must be written {instead} (YAML takes it for {taken}): "
        f"{_quoted(text)}"
    )


def _tag_1_1(text: str) -> str | None:
    """What YAML 1.1, in PyYAML's reading, takes a plain word for; None for text."""
    for tag, pattern in yaml.SafeLoader.yaml_implicit_resolvers.get(text[0], []):
        if pattern.match(text):
            return str(tag)
    return None


def _number(node: yaml.ScalarNode) -> int | float:
    text: str = node.value
    if len(text) > _LONGEST_NUMBER:
        raise YamlError(
            f"{_at(node)}a number must have at most {_LONGEST_NUMBER} digits, got {_shown(text)}"
        )
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(text)
    vanished = number == 0 and any(digit in "123456789" for digit in re.split("[eE]", text)[0])
    if math.isinf(number) or vanished:
        raise YamlError(f"{_at(node)}{text} must be a number of double precision (1e-300 … 1e300)")
    return number


def _at(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}: "


def _quoted(text: str) -> str:
    return f'"{_shown(text)}"'


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
