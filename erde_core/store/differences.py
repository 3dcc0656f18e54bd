"""What differs between two sets of settings, key by key, in words for the person who watches."""

import json
import re
from collections.abc import Iterator, Mapping

_LONGEST = 60
_HASH = re.compile("[0-9a-f]{64}")


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """``"train.epochs: 30 → 40"`` for every key that changed, came or went.

    Args:
        old, new: plain data (JSON values); mappings in them are compared by their own keys.

    Returns:
        One text per difference, in the order of the keys. Hashes are shortened to their first 12
        digits, other long values in the middle.
    """
    flat = dict(_leaves(old)), dict(_leaves(new))
    keys = sorted(flat[0].keys() | flat[1].keys())
    pairs = [(key, *(side.get(key, "absent") for side in flat)) for key in keys]
    return [f"{key}: {_short(a)} → {_short(b)}" for key, a, b in pairs if a != b]


def _leaves(settings: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            yield f"{prefix}{key}", text


def _short(text: str) -> str:
    if _HASH.fullmatch(text):
        return text[:12]
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2 - 1
    return f"{text[:half]}…{text[-half:]}"
