"""The rules of a manifest's fields; :mod:`erde_core.store.manifest` holds a file to them.

A deployment carries this file along, so it needs the standard library alone.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

NAME = "manifest.json"
LEVELS = 4096  # of a quantised score
_HASH = re.compile(r"[0-9a-f]{64}")
_COLOURS = {1: "L", 3: "RGB"}
_LARGE = 1e30  # float32 holds it, and one divided by it
_CERTIFICATE = ("harmed", "units", "epsilon", "delta")
_GATE = ("mean", "scale", "weights", "intercept")

Json = Any  # whatever JSON can hold: each rule asks for the type first
Fields = dict[str, Json]


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
        "per_exit_curve": [],
        "operating_points": [],
    }


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


def _per_exit_curve(value: Json, fields: Mapping[str, Json]) -> bool:
    early = len(fields["macs"]) - 1

    def point(row: Json) -> bool:
        fits = isinstance(row, list) and len(row) == 3 and _curve([[0, *row[1:]]], fields)
        return fits and _list(row[0], lambda theta: _theta(theta, fields), early)

    return value == [] or (_list(value, point) and value == sorted(value, key=lambda row: row[2]))


def _operating_points(value: Json, fields: Mapping[str, Json]) -> bool:
    if value == []:
        return True
    if not _list(value, lambda row: _list(row, lambda number: _between(number, 0, math.inf), 5)):
        return False
    falling = value == sorted(value, key=lambda row: -row[2])
    return (
        falling
        and _curve([row[:3] for row in value], fields)
        and all(
            row[3] <= min(row[1], after[1]) and max(row[1], after[1]) <= row[4] <= 1
            for row, after in zip(value, [*value[1:], value[-1]], strict=True)
        )
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


def curve_columns(score: str) -> list[str]:
    """The names of the curve's columns; θ has the unit of the score of this name."""
    return ["theta_nats" if score == "entropy" else "theta", "val_accuracy", "val_mean_macs"]


def _by_entropy(fields: Mapping[str, Json]) -> bool:
    """As always in version 1."""
    score = fields.get("score")
    return not isinstance(score, dict) or score.get("name") == "entropy"


def _score(value: Json, fields: Mapping[str, Json]) -> bool:
    """The networks compute it; numbers of a gate are for readers, checked by who wrote them."""
    if not isinstance(value, dict) or set(value) != {"name", "temperatures", "gate"}:
        return False
    name, heat, gate = (value[key] for key in ("name", "temperatures", "gate"))
    exits = len(fields["macs"])
    return (
        _text(name)
        and (isinstance(gate, dict) if name == "gate" else gate is None)
        and (heat is None or _list(heat, lambda t: _between(t, 1 / _LARGE, _LARGE), exits))
        and (gate is None or (heat is None and set(gate) == set(_GATE)))
    )


def _watch(value: Json, _: Mapping[str, Json]) -> bool:
    if not isinstance(value, dict) or set(value) != {"validation_scores"}:
        return False
    levels = value["validation_scores"]
    fits = _list(levels, lambda level: _count(level) and level < LEVELS)
    return levels is None or (fits and levels == sorted(levels))


_Rule = tuple[str, Callable[[Json, Mapping[str, Json]], bool]]
_HEX: _Rule = ("64 hexadecimal digits", _hash)
_TEXT: _Rule = ("a text", lambda v, _: _text(v))

# In an order in which each may rely on those before it.
FIRST_RULES: dict[str, _Rule] = {
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
        "2 log C, C the number of classes, by entropy, else a number > 0",
        lambda v, m: (
            _between(v, 1e-9, 1e3)
            and (not _by_entropy(m) or math.isclose(v, 2 * math.log(len(m["class_names"]))))
        ),
    ),
    "macs": ("rising whole numbers, one per exit", _macs),
    "teacher_macs": ("null or a whole number >= 1", lambda v, _: v is None or _count(v, 1)),
    "curve_columns": (
        "the names of its three columns",
        lambda v, m: bool(v == curve_columns("entropy" if _by_entropy(m) else "")),
    ),
    "curve": ("rows of θ in its range, accuracy in 0 … 1 and MACs of the exits", _curve),
    "certified_theta": ("null or a θ in its range", lambda v, m: v is None or _theta(v, m)),
    "certificate": ("what certifies the θ, and null without one", _certificate),
    "versions": (
        "a text per package",
        lambda v, _: isinstance(v, dict) and all(map(_text, v.values())),
    ),
    "files": ("a SHA-256 for each network's file, all by plain names", _hashes),
}
NEW_RULES: dict[str, _Rule] = {
    "preprocessing": ("what this version does", _preprocessing),
    "score": ("a name, with a temperature > 0 per exit, a gate, or neither", _score),
    "precision": ("'float32' or 'int8'", lambda v, _: v in ("float32", "int8")),
    "watch": ("null or rising levels 0 … 4095 as validation_scores", _watch),
    "val_groups": ("null or a whole number >= 1", lambda v, _: v is None or _count(v, 1)),
}
# Of version 2, where an exporter before it did not know them.
LATER_RULES: dict[str, _Rule] = {
    "per_exit_curve": (
        "rows, cheap to dear, of a θ in its range for each early exit, accuracy and MACs",
        _per_exit_curve,
    ),
    "operating_points": (
        "rows of θ, accuracy, falling MACs, and lowest and highest accuracy to the next row",
        _operating_points,
    ),
}
# What is in it the runner of such a network asks, :mod:`erde_core.store.int8`.
INT8_RULES: dict[str, _Rule] = {"quantisation": ("a mapping", lambda v, _: isinstance(v, dict))}
