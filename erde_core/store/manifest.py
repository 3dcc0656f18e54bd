"""The manifest of a deployment: read, held to the rules of its fields, and sealed.

A deployment carries this file along, so it needs the standard library alone, and the rules
beside it.
"""

import hashlib
import json
import os
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__ == "erde_core.store":
    from erde_core.store.manifest_rules import (
        FIRST_RULES,
        INT8_RULES,
        LATER_RULES,
        NAME,
        NEW_RULES,
        Fields,
        Json,
        curve_columns,
        defaults,
        network_files,
    )
else:  # carried along by a deployment, in whatever package that lies
    _beside = runpy.run_path(str(Path(__file__).with_name("manifest_rules.py")))
    globals().update({name: _beside[name] for name in _beside if not name.startswith("_")})

__all__ = [
    "FORMAT",
    "NAME",
    "VERSION",
    "Fields",
    "Json",
    "ManifestError",
    "check_manifest",
    "curve_columns",
    "defaults",
    "network_files",
    "read_deployment",
    "regular_file",
    "sealed",
    "thresholds",
]

FORMAT, VERSION = "erde deployment", 2


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


def thresholds(fields: Mapping[str, Json], theta: Any) -> list[float]:  # noqa: ANN401 -- no NumPy
    """θ of each early exit.

    Args:
        fields: of a deployment.
        theta: in the score's unit, one number for all early exits or as many in a row; of any
            kind, NumPy's too, or a text with commas between them. The certified one where None.

    Raises:
        ValueError: none is certified, one is out of range or no number, or there are too many or
            too few.
    """
    given = fields["certified_theta"] if theta is None else theta
    several = hasattr(given, "__len__") and bool(getattr(given, "ndim", 1))
    numbers = given.split(",") if isinstance(given, str) else given if several else [given or 0]
    try:
        limits = [float(number) for number in numbers if not getattr(number, "ndim", 0)]
    except (TypeError, ValueError, OverflowError):
        limits = []
    if len(limits) < len(numbers):
        raise ValueError(f"theta must be a number, or several with commas, got {given!r}")
    early, most = len(fields["macs"]) - 1, fields["largest_theta"]
    if given is None or not all(0 <= limit <= most for limit in limits):
        raise ValueError(f"theta must be certified or given, 0 … {most:.4f}, got {given}")
    if len(limits) not in (1, early):
        raise ValueError(f"theta must be one number or {early}, got {len(limits)}")
    return limits if len(limits) == early else limits * early


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
    rules = FIRST_RULES | (NEW_RULES if version > 1 else {})
    rules |= INT8_RULES if fields.get("precision") == "int8" else {}
    rules |= {name: rule for name, rule in LATER_RULES.items() if version > 1 and name in fields}
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
