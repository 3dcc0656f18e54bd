"""The manifest of a deployment: the rules of its fields, and the seal over all of them.

A deployment carries this file along, so it needs the standard library alone.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

NAME, FORMAT, VERSION = "manifest.json", "erde deployment", 2
_HASH = re.compile(r"[0-9a-f]{64}")
_COLOURS, _LARGE = {1: "L", 3: "RGB"}, 1e30  # float32 holds it, and one divided by it
_CERTIFICATE = ("harmed", "units", "epsilon", "delta")

Json = Any  # whatever JSON can hold: each rule asks for the type first
Fields = dict[str, Json]


class ManifestError(ValueError):
    """A manifest, or a file that it names, is not what it must be; the message is one sentence."""


def read_deployment(folder: str | os.PathLike[str]) -> tuple[Fields, dict[str, bytes]]:
    """Read a deployment's folder and verify every byte of it that is used.

    Returns:
        The manifest, with the defaults of what version 1 does not have, and the content of each
        file that it names.

    Raises:
        ManifestError: a field breaks its rule, the seal or a hash differs, or a file is not a
            regular one.
        OSError: a file is missing or cannot be read.
    """
    path = Path(folder) / NAME
    fields = _parsed(path, regular_file(path))
    try:
        check_manifest(fields)
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}") from None
    contents = {name: regular_file(Path(folder) / name) for name in fields["files"]}
    for name, noted in fields["files"].items():
        found = hashlib.sha256(contents[name]).hexdigest()
        if found != noted:
            raise ManifestError(f"{Path(folder) / name}: SHA-256 must be {noted}, got {found}")
    return defaults(fields["shape"]) | fields, contents


def regular_file(path: Path) -> bytes:
    """The bytes of a file; a pipe or a device is not even opened, for it might never end.

    Raises:
        ManifestError: not a regular file.
        OSError: it cannot be read.
    """
    if path.exists() and not path.is_file():
        raise ManifestError(f"{path}: must be a regular file, got another kind")
    return path.read_bytes()


def sealed(fields: Mapping[str, Json]) -> Fields:
    """``fields`` with their ``seal``: SHA-256 over all others as JSON in sorted order.

    Raises:
        ManifestError: a field breaks its rule.
    """
    whole = dict(fields) | {"seal": _seal_of(fields)}
    check_manifest(whole)
    return whole


def defaults(shape: list[int]) -> Fields:
    """The fields of version 2 as they are where nothing else is asked for: version 1's meaning."""
    return {
        "preprocessing": {
            "resize": "none",
            "image_size": shape[:2],
            "interpolation": "bilinear",
            "channel_order": _COLOURS[shape[2]],
            "exif_orientation": True,
        },
        "score": {"name": "entropy", "temperatures": None, "gate": None},
        "precision": "float32",
        "watch": {"validation_scores": None},
        "val_groups": None,
    }


def check_manifest(fields: Mapping[str, Json]) -> None:
    """Refuse what breaks a rule; the seal is one, and only version 1 may lack it.

    Raises:
        ManifestError: the first rule that is broken.
    """
    version = fields.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise ManifestError(f"version must be 1 … {VERSION}, got {version!r}")
    _must(fields.get("format") == FORMAT, "format", repr(FORMAT), fields.get("format"))
    if version != 1 or "seal" in fields:
        noted = fields.get("seal")
        _must(noted == _seal_of(fields), "seal", "the SHA-256 of all other fields", noted)
    rules = _FIRST_RULES | (_NEW_RULES if version > 1 else {})
    rules |= _INT8_RULES if fields.get("precision") == "int8" else {}
    odd = sorted({*rules, "format", "version"} ^ (set(fields) - {"seal"}))
    if odd:
        missing = "missing" if odd[0] in rules else "unknown"
        raise ManifestError(f"must have the fields of version {version}, got {odd[0]!r} {missing}")
    for name, (rule, holds) in rules.items():
        _must(holds(fields[name], fields), name, rule, fields[name])


def _seal_of(fields: Mapping[str, Json]) -> str:
    kept = {name: value for name, value in fields.items() if name != "seal"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _must(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds:
        shown = repr(value)
        shown = shown if len(shown) <= 80 else shown[:77] + "…"
        raise ManifestError(f"{name} must be {rule}, got {shown}")


def _parsed(path: Path, content: bytes) -> Fields:
    """The object in a JSON text in which every value has one spelling only."""
    try:
        found = json.loads(
            content.decode(),
            parse_float=lambda text: _spelt(text, float(text)),
            parse_int=lambda text: _spelt(text, int(text)),
            parse_constant=lambda text: _spelt(text, None),
            object_pairs_hook=_once,
        )
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ManifestError(f"{path}: must be a readable manifest, got: {reason}") from None
    if not isinstance(found, dict):
        raise ManifestError(f"{path}: must hold one object of fields, got {type(found).__name__}")
    return found


def _spelt(text: str, value: float | None) -> float:
    if value is None or repr(value) != text:
        raise ValueError(f"a number must be written as Python writes it, got {text[:40]}")
    return value


def _once(pairs: list[tuple[str, Json]]) -> Fields:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name must stand once in its object")
    return found


def _text(value: object) -> bool:
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def _count(value: object, least: int = 0) -> bool:
    return type(value) is int and least <= value < 2**63


def _between(value: object, low: float, high: float) -> bool:
    return type(value) in (int, float) and low <= value <= high  # type: ignore[operator] # a number


def _list(value: object, item: Callable[[Json], bool], length: int | None = None) -> bool:
    fits = isinstance(value, list) and (len(value) == length if length is not None else value)
    return bool(fits) and all(map(item, value))  # type: ignore[call-overload] # it is a list


def _shape(value: Json, _: Mapping[str, Json]) -> bool:
    return _list(value, lambda side: _count(side, 1), 3) and value[2] in _COLOURS


def _class_names(value: Json, _: Mapping[str, Json]) -> bool:
    return _list(value, _text) and 2 <= len(value) == len(set(value))


def _macs(value: Json, _: Mapping[str, Json]) -> bool:
    return _list(value, lambda macs: _count(macs, 1)) and value == sorted(value)


def _curve(value: Json, fields: Mapping[str, Json]) -> bool:
    # A mean of equal MACs may round to the neighbour of their value.
    least, most = fields["macs"][0] * (1 - 1e-12), fields["macs"][-1] * (1 + 1e-12)

    def point(row: Json) -> bool:
        fits = _list(row, lambda number: _between(number, 0, math.inf), 3)
        return fits and _theta(row[0], fields) and row[1] <= 1 and least <= row[2] <= most

    return value == [] or (
        _list(value, point) and [row[0] for row in value] == sorted(row[0] for row in value)
    )


def _theta(value: object, fields: Mapping[str, Json]) -> bool:
    return _between(value, 0, fields["largest_theta"])


def _certificate(value: Json, fields: Mapping[str, Json]) -> bool:
    if value is None or fields["certified_theta"] is None:
        return value is None and fields["certified_theta"] is None
    return (
        isinstance(value, dict)
        and set(value) == set(_CERTIFICATE)
        and _count(value["units"], 1)
        and _count(value["harmed"])
        and all(_between(value[k], 0, 1) for k in ("epsilon", "delta"))
    )


def _hashes(value: Json, fields: Mapping[str, Json]) -> bool:
    stop = -1 if fields.get("precision") == "int8" else None  # it may do without the single file
    return (
        isinstance(value, dict)
        and set(network_files(len(fields["macs"]))[:stop]) <= set(value)
        and all(_plain(name) and _hash(noted, fields) for name, noted in value.items())
    )


def _hash(value: object, _: Mapping[str, Json]) -> bool:
    return isinstance(value, str) and bool(_HASH.fullmatch(value))


def _plain(name: str) -> bool:
    odd = re.search(r"[/\\:\x00-\x1f]", name) or name.startswith(".") or name == NAME
    return _text(name) and bool(name) and not odd


def network_files(exits: int) -> list[str]:
    """The networks of a deployment with so many exits: those for any batch, then that for one."""
    return [*(f"stage{e}.onnx" for e in range(exits)), "single.onnx"]


def _preprocessing(value: Json, fields: Mapping[str, Json]) -> bool:
    wanted = defaults(fields["shape"])["preprocessing"]
    ways = [wanted | {"resize": how} for how in ("none", "crop", "pad", "stretch")]
    return value in ways and value["exif_orientation"] is True


_Rule = tuple[str, Callable[[Json, Mapping[str, Json]], bool]]
_HEX: _Rule = ("64 hexadecimal digits", _hash)
_TEXT: _Rule = ("a text", lambda v, _: _text(v))
# In an order in which each may rely on those before it.
_FIRST_RULES: dict[str, _Rule] = {
    "experiment": _TEXT,
    "network": _TEXT,
    "dataset_sha256": _HEX,
    "weights_sha256": _HEX,
    "shape": ("[height, width, 3 or 1]", _shape),
    "mean": (
        "one number per channel",
        lambda v, m: _list(v, lambda x: _between(x, -_LARGE, _LARGE), m["shape"][2]),
    ),
    "std": (
        "one number > 0 per channel",
        lambda v, m: _list(v, lambda x: _between(x, 1 / _LARGE, _LARGE), m["shape"][2]),
    ),
    "class_names": ("at least 2 different names", _class_names),
    "entropy_unit": ("'nats'", lambda v, _: bool(v == "nats")),
    "largest_theta": (
        "2 log C, C the number of classes",
        lambda v, m: _between(v, 0, 1e3) and math.isclose(v, 2 * math.log(len(m["class_names"]))),
    ),
    "macs": ("rising whole numbers, one per exit", _macs),
    "teacher_macs": ("null or a whole number >= 1", lambda v, _: v is None or _count(v, 1)),
    "curve_columns": (
        "the names of its three columns",
        lambda v, _: bool(v == ["theta_nats", "val_accuracy", "val_mean_macs"]),
    ),
    "curve": ("rows of θ in its range, accuracy in 0 … 1 and MACs of the exits", _curve),
    "certified_theta": ("null or a θ in 0 … 2 log C", lambda v, m: v is None or _theta(v, m)),
    "certificate": ("what certifies the θ, and null without one", _certificate),
    "versions": (
        "a text per package",
        lambda v, _: isinstance(v, dict) and all(map(_text, v.values())),
    ),
    "files": ("a SHA-256 for each network's file, all by plain names", _hashes),
}
_NEW_RULES: dict[str, _Rule] = {
    "preprocessing": ("what this version does", _preprocessing),
    "score": (
        "the entropy without temperatures, the one that this version computes",
        lambda v, m: bool(v == defaults(m["shape"])["score"]),
    ),
    "precision": ("'float32' or 'int8'", lambda v, _: v in ("float32", "int8")),
    "watch": ("without scores", lambda v, m: bool(v == defaults(m["shape"])["watch"])),
    "val_groups": ("null or a whole number >= 1", lambda v, _: v is None or _count(v, 1)),
}
# What is in it the runner of such a network asks, :mod:`erde_core.store.int8`.
_INT8_RULES: dict[str, _Rule] = {"quantisation": ("a mapping", lambda v, _: isinstance(v, dict))}
