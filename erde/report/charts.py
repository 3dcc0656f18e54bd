"""The report's charts as Plotly figures (plain dictionaries), made from the experiment's tables."""

import math
from collections.abc import Sequence

import numpy as np

from erde.experiment.names import name_of
from erde.pictures.style import styles_of

Table = Sequence[dict[str, str]]
Chart = dict[str, object]

_DASHES = ["solid", "dash", "dashdot", "dot", "longdash", "longdashdot"]
_SYMBOLS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x"]
SEEDS_FOR_BAND = 3  # with two, Student's t is 12.7 and the bands hide the curves


def style_of(variants: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Colour, dash and symbol per variant, in the order to draw them."""
    styles = styles_of(variants, len(_DASHES), len(_SYMBOLS))
    return {v: (s.color, _DASHES[s.line], _SYMBOLS[s.marker]) for v, s in styles.items()}


def pareto_chart(bands: Table, teacher: Table, rivals: Table) -> Chart:
    """Accuracy over cost with 95 % bands; the last traces are the page's markers.

    ``rivals`` (plain networks of the same cost) may be empty.

    Bands are for new seeds where there are three or more, else for these seeds. The page finds
    its markers by ``meta``, the variant's label.
    """
    variants = list(dict.fromkeys(row["variant"] for row in bands))
    styles, traces = style_of(variants), []
    for variant, (color, dash, _) in styles.items():
        rows = [row for row in bands if row["variant"] == variant]
        x = [float(row["budget_macs"]) / 1e6 for row in rows]
        # Too few test images for an interval: a trace without points keeps the traces' order.
        sure = [row for row in rows if row["these_seeds_low"]]
        low, high = ([100 * _end(row, side) for row in sure] for side in ("low", "high"))
        around = x + x[::-1] if sure else []
        shape = {"x": around, "y": high + low[::-1], "fill": "toself", "fillcolor": color}
        quiet = {"opacity": 0.12, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        traces.append(shape | quiet | {"mode": "lines", "legendgroup": variant})
        y = [100 * float(row["accuracy"]) for row in rows]
        line = {"color": color, "dash": dash, "width": 2}
        traces.append(_lines(x, y, name_of(variant), line) | {"legendgroup": variant})
    exits = [[float(r["macs"]) / 1e6, 100 * float(r["test_accuracy"])] for r in teacher]
    star = {"symbol": "star", "size": 11, "color": "#000000"}
    traces.append(_marks(*zip(*exits, strict=True), "teacher's exits", star))
    for kind, symbol in (("truncated", "x-thin-open"), ("narrow", "cross-thin-open")):
        points = dict.fromkeys(
            (float(r["rival_macs"]) / 1e6, 100 * float(r["rival_accuracy"]))
            for r in rivals
            if r["kind"] == kind
        )
        if points:
            mark = {"symbol": symbol, "size": 11, "color": "#000000", "line": {"width": 2}}
            traces.append(_marks(*zip(*points, strict=True), f"plain, {kind}", mark))
    for variant, (color, _, symbol) in reversed(styles.items()):  # the first on top
        mark = {"symbol": symbol, "size": 13, "color": color}
        mark["line"] = {"color": "#ffffff", "width": 1.5}
        marker = _marks([None], [None], f"{name_of(variant)} now", mark)
        traces.append(marker | {"meta": variant, "showlegend": False})
    chart = _figure(traces, "mean cost per image (million MACs, log scale)", "test accuracy (%)")
    return chart | {"ticks": [m * 10.0**e for e in range(-3, 7) for m in (1, 2, 3, 5, 7)]}


def difference_charts(comparison: Table) -> list[Chart]:
    """One chart per pair and per kind of equality: thick ends these seeds, thin ends new ones."""
    keys = dict.fromkeys((r["equal"], r["variant"], r["against"]) for r in comparison)
    charts = []
    for equal, variant, against in keys:
        rows = [
            r
            for r in comparison
            if (r["equal"], r["variant"], r["against"]) == (equal, variant, against)
        ]
        scale = 1e-6 if equal == "macs" else 1
        x = [float(row["at"]) * scale for row in rows]
        y = [100 * float(row["difference"]) for row in rows]
        traces = [_bars(x, y, rows, kind, width) for kind, width in (("new", 1), ("these", 4))]
        label = "cost (million MACs)" if equal == "macs" else "θ (nats)"
        title = f"{name_of(variant)} − {name_of(against)}, equal {'MACs' if scale < 1 else 'θ'}"
        charts.append(_figure(traces, label, "points of accuracy", title))
    return charts


def audit_charts(audit: Table) -> list[Chart]:
    """Mean student entropy per exit, where the teacher's exit was right and where it was wrong."""
    charts = []
    for right, word in (("1", "right"), ("0", "wrong")):
        rows = [row for row in audit if row["teacher_right"] == right]
        charts.append(
            _by_variant(rows, "exit", "entropy_nats", f"Where the teacher's exit is {word}")
        )
    return charts


def reliability_charts(reliability: Table) -> list[Chart]:
    """Accuracy over confidence per exit; seeds pooled by their numbers of images."""
    charts = []
    for e in dict.fromkeys(row["exit"] for row in reliability):
        traces = [_lines([0, 1], [0, 1], "honest", {"color": "#bbbbbb", "width": 1})]
        here = [row for row in reliability if row["exit"] == e]
        for variant, (color, dash, _) in style_of([r["variant"] for r in here]).items():
            x, y = _pooled([row for row in here if row["variant"] == variant])
            traces.append(_lines(x, y, name_of(variant), {"color": color, "dash": dash}))
        charts.append(_figure(traces, "confidence", "accuracy", f"Exit {e}"))
    return charts


def mean_over(rows: Table, column: str) -> float | None:
    """Mean of a column over rows (seeds), without its empty cells; None if all are empty."""
    values = [float(row[column]) for row in rows if row[column] != ""]
    return math.fsum(values) / len(values) if values else None


def _pooled(rows: Table) -> tuple[list[float], list[float]]:
    x, y = [], []
    for b in sorted({int(row["bin"]) for row in rows}):
        inside = [row for row in rows if int(row["bin"]) == b]
        images = np.array([float(row["images"]) for row in inside])
        for values, column in ((x, "confidence"), (y, "accuracy")):
            numbers = np.array([float(row[column]) for row in inside])
            values.append(float(images @ numbers / images.sum()))
    return x, y


def _by_variant(rows: Table, x: str, y: str, title: str) -> Chart:
    places = list(dict.fromkeys(row[x] for row in rows))
    traces = []
    for variant, (color, _, _) in style_of([row["variant"] for row in rows]).items():
        mine = [row for row in rows if row["variant"] == variant]
        values = [mean_over([row for row in mine if row[x] == p], y) for p in places]
        bar = {"type": "bar", "x": [f"exit {p}" for p in places], "y": values}
        traces.append(bar | {"name": name_of(variant), "marker": {"color": color}})
    return _figure(traces, "", "mean entropy (nats)", title)


def _end(row: dict[str, str], side: str) -> float:
    kind = "new" if int(row["seeds"]) >= SEEDS_FOR_BAND else "these"
    return float(row[f"{kind}_seeds_{side}"])


def _bars(x: list[float], y: list[float], rows: Table, kind: str, width: int) -> Chart:
    ends = [row[f"{kind}_seeds_high"] for row in rows]
    reach = [100 * float(end) - value if end else 0 for end, value in zip(ends, y, strict=True)]
    error = {"type": "data", "array": reach, "thickness": width, "width": 0, "color": "#0072B2"}
    mark = {"size": 6, "color": "#D55E00"}
    trace = _marks(x, y, f"interval, {kind} seeds", mark)
    return trace | {"error_y": error, "showlegend": False}


def _lines(x: list[float], y: list[float], name: str, line: dict) -> Chart:
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "line": line}


def _marks(x: Sequence, y: Sequence, name: str, marker: dict) -> Chart:
    trace = {"type": "scatter", "mode": "markers", "x": list(x), "y": list(y)}
    return trace | {"name": name, "marker": marker}


def _figure(traces: list[Chart], x: str, y: str, title: str = "") -> Chart:
    return {"traces": traces, "x": x, "y": y, "title": title}
