"""What makes a deployment an int8 network's: the hash of its stages, and how they were made.

A threshold belongs to one network. That of the float32 network means nothing to its 8-bit twin, so
the manifest of an int8 network names its very stages. Its deployment carries this file along,
so it needs the standard library alone.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

_FACTS: dict[str, type | tuple[type, ...]] = {
    "images": int,
    "method": str,
    "reduce_range": bool,
    "correct_biases": bool,
    "float32_bytes": int,
    "int8_bytes": int,
    "exceptions": list,
    "single": (str, type(None)),
}
_LATER: dict[str, Any] = {"correct_biases": False}  # manifests from before it say nothing of it


def int8_hash(stages: Iterable[str]) -> str:
    """SHA-256 of an int8 network: of the SHA-256 of its stages' files, in their order."""
    return hashlib.sha256("\n".join(stages).encode()).hexdigest()


def check_int8(fields: Mapping[str, Any]) -> None:
    """Hold the manifest of an int8 network to the files that it names.

    Args:
        fields: a manifest of precision int8 that breaks no other rule.

    Raises:
        ValueError: it was made for other stages (its θ and curve would be another network's), or
            ``quantisation`` breaks its rule.
    """
    files = fields["files"]
    found = int8_hash(files[f"stage{e}.onnx"] for e in range(len(fields["macs"])))
    if fields["weights_sha256"] != found:
        raise ValueError(
            f"weights_sha256 must be that of the int8 stages, {found[:12]}, "
            f"got {fields['weights_sha256'][:12]}: the θ and the curve are another network's"
        )
    facts = _LATER | fields["quantisation"]
    if set(facts) != set(_FACTS):
        raise ValueError(f"quantisation must have the fields {list(_FACTS)}, got {list(facts)}")
    for name, kind in _FACTS.items():
        if not isinstance(facts[name], kind) or (kind is int and type(facts[name]) is not int):
            raise ValueError(f"quantisation must have a valid {name}, got {facts[name]!r}")
    if ("single.onnx" in files) != (facts["single"] is None):
        raise ValueError(
            "quantisation must say why there is no single.onnx, and nothing where there is one, "
            f"got {facts['single']!r}"
        )
