"""What charts are made of: Plotly traces as plain dictionaries, and the keys of their legends.

The page draws axes and traces; titles and legends are HTML, which no chart can overlap.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from erde.experiment.names import name_of
from erde.pictures.style import styles_of

Trace = dict[str, Any]

_DASHES = {
    "solid": "",
    "dash": "7 4",
    "dashdot": "7 3 2 3",
    "dot": "2 3",
    "longdash": "11 4",
    "longdashdot": "11 3 2 3",
}
_SYMBOLS = {
    "circle": "●",
    "square": "■",
    "triangle-up": "▲",
    "diamond": "◆",
    "triangle-down": "▼",
    "cross": "✚",
    "x": "✖",
}


@dataclass(frozen=True)
class Key:
    """An entry of a legend: a line of ``width`` pixels with ``dashes``, a glyph, or both."""

    name: str
    color: str
    width: int = 0
    dashes: str = ""
    glyph: str = ""


@dataclass(frozen=True)
class Look:
    """How a variant is drawn: colour, Plotly's names of dash and symbol."""

    color: str
    dash: str
    symbol: str

    def key(self, variant: str, marker: bool = False) -> Key:
        """The legend's entry of a line, and of its marker too if there is one."""
        glyph = _SYMBOLS[self.symbol] if marker else ""
        return Key(name_of(variant), self.color, 2, _DASHES[self.dash], glyph)


@dataclass(frozen=True)
class Chart:
    """One chart of the page.

    Attributes:
        traces: in Plotly's words.
        x, y: titles of the axes.
        title: above the chart.
        log_ticks: places of ticks with their texts, where x is logarithmic: all, and the fewer that
            fit on a telephone.
        cells: classes per side, where it is a matrix, which is drawn in squares.
    """

    traces: Sequence[Trace]
    x: str
    y: str
    title: str = ""
    log_ticks: Mapping[str, list[list[float] | list[str]]] = field(default_factory=dict)
    cells: int = 0


def looks(variants: Iterable[str]) -> dict[str, Look]:
    """The look of each variant, in the order to draw them."""
    dashes, symbols = list(_DASHES), list(_SYMBOLS)
    styles = styles_of(variants, len(dashes), len(symbols))
    return {v: Look(s.color, dashes[s.line], symbols[s.marker]) for v, s in styles.items()}


def bar_keys(variants: Iterable[str]) -> list[Key]:
    """A legend of variants that are told apart by colour alone."""
    return [Key(name_of(v), look.color, 10) for v, look in looks(variants).items()]


def lines(x: Sequence[float], y: Sequence[float], name: str, line: Mapping[str, Any]) -> Trace:
    """A line through points; ``name`` is shown where the pointer is."""
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "line": dict(line)}


def marks(
    x: Sequence[float | None],
    y: Sequence[float | None],
    name: str,
    marker: Mapping[str, Any],
) -> Trace:
    """Markers without a line."""
    shown = {"type": "scatter", "mode": "markers", "x": list(x), "y": list(y)}
    return shown | {"name": name, "marker": dict(marker)}


def bars(x: Sequence[str], y: Sequence[float | None], name: str, color: str) -> Trace:
    """Upright bars side by side with those of the other traces."""
    return {"type": "bar", "x": list(x), "y": list(y), "name": name, "marker": {"color": color}}


def log_ticks(low: float, high: float) -> dict[str, list[list[float] | list[str]]]:
    """Round numbers from ``low`` to ``high``, exactly as they are read."""
    found: dict[str, list[list[float] | list[str]]] = {}
    for name, steps in (("all", (1, 2, 3, 5, 7)), ("few", (1, 2, 5))):
        texts = [f"{step}e{power}" for power in range(-3, 7) for step in steps]
        inside = [float(text) for text in texts if low <= float(text) <= high]
        found[name] = [inside, [f"{value:g}" for value in inside]]
    return found
