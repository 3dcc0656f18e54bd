"""How curves look in every picture: a hue per family, a shade, a line and a marker per variant.

The four methods look the same in every picture, whichever of them it shows.
Okabe and Ito's hues are safe for colour-blind readers. A family (variants from one list of values)
goes from light to dark in its hue; lines and markers tell the curves apart in black and white too.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from erde.experiment.names import family_of, float32_name

_HUES = ["#D55E00", "#0072B2", "#009E73", "#666666", "#CC79A7", "#E69F00"]
_OF_METHODS = ("erde", "ce", "kd", "masked_kd")  # variants with a place of their own
_LIGHTEST, _DARKEST = 0.35, -0.65  # shares of white and of black


@dataclass(frozen=True)
class Style:
    """A colour as ``#RRGGBB``, and which line and marker of the picture's own lists."""

    color: str
    line: int
    marker: int


def styles_of(variants: Iterable[str], lines: int, markers: int) -> dict[str, Style]:
    """The style of each variant, in the order to draw them: ERDE first, families together.

    Args:
        variants: names; repeats are ignored.
        lines: how many line styles the picture has.
        markers: how many markers.
    """
    families: dict[str, list[str]] = {}
    for variant in sorted(
        dict.fromkeys(variants), key=lambda variant: not variant.startswith("erde")
    ):
        families.setdefault(family_of(variant), []).append(variant)
    places, alone = _places(families), all(len(members) == 1 for members in families.values())
    styles: dict[str, Style] = {}
    for family, members in families.items():
        shades = _shades(_HUES[places[family] % len(_HUES)], len(members))
        for variant, color in zip(members, shades, strict=True):
            place = places[family] if alone else len(styles)
            styles[variant] = Style(color, place % lines, place % markers)
    return styles


def _places(families: Iterable[str]) -> dict[str, int]:
    """A number per family: the methods' own, and what is left over for other variants."""
    taken = {_OF_METHODS.index(family) for family in families if family in _OF_METHODS}
    free = (number for number in itertools.count() if number not in taken)
    # Those in 8 bits last: the others look the same in pictures without them.
    ordered = sorted(families, key=lambda family: family != float32_name(family))
    return {f: _OF_METHODS.index(f) if f in _OF_METHODS else next(free) for f in ordered}


def _shades(color: str, number: int) -> list[str]:
    """``number`` shades of one colour from light to dark; the colour itself if it is one."""
    if number == 1:
        return [color]
    base = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    tints = np.linspace(_LIGHTEST, _DARKEST, number)
    mixed = [base + tint * (255 - base) if tint > 0 else base * (1 + tint) for tint in tints]
    return ["#" + "".join(f"{round(part):02X}" for part in shade) for shade in mixed]
