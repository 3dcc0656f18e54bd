"""The picture: accuracy over cost, one curve per variant, with the teacher's own exits."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from erde.evaluation.budgets import share_words
from erde.evaluation.tables.rows import Rows, distinct, where
from erde.experiment.names import name_of
from erde.pictures.drawing import drawing
from erde.pictures.style import Style, styles_of
from erde_core.store.tables import Row

# Six and seven: the first 42 curves differ in line or marker.
_LINES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2))]
_MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
_INSIDE = 6  # entries that fit under the curves; a longer legend stands beside the picture
_SHORT = 14  # letters of a name beside which the whole title fits on one line
_TEACHER = "#000000"


def pareto_figure(experiment: str, curves: Rows, pareto: Rows, teacher_exits: Rows) -> Figure:
    """Draw one experiment.

    Args:
        experiment: its name, for the title.
        curves: rows of ``curves.csv``: test accuracy at each budget, per variant and seed.
        pareto: rows of ``pareto.csv``: operating points chosen on validation.
        teacher_exits: rows of ``teacher_exits.csv``.

    Returns:
        The figure. Curves are means over seeds, bands one standard deviation (n - 1) around
        them; markers are means over seeds of the chosen points at their test cost.
    """
    with drawing():
        styles = styles_of(distinct(curves, "variant"), len(_LINES), len(_MARKERS))
        beside = len(styles) > _INSIDE
        figure = Figure(figsize=(9.4 if beside else 6.4, 4.3), dpi=200, layout="constrained")
        axes = figure.add_subplot()
        for variant, style in styles.items():
            _draw_curve(axes, where(curves, variant=variant), variant, style)
            _draw_points(axes, where(pareto, variant=variant), style)
        _draw_teacher(axes, teacher_exits)
        full = teacher_exits[-1]["macs"] or _whole(pareto[0])
        _label(axes, experiment, curves, pareto, full / 1e6)
        if beside:
            figure.legend(loc="outside right upper", handlelength=3.2, fontsize=8)
        else:
            axes.legend(loc="lower right", handlelength=3.2)
    return figure


def _by_seed(rows: Rows, column: str) -> NDArray[np.float64]:
    """One column as ``(seeds, rows per seed)``; empty cells are NaN."""
    seeds = distinct(rows, "seed")
    return np.array([[r[column] for r in where(rows, seed=s)] for s in seeds], dtype=np.float64)


def _draw_curve(axes: Axes, rows: Rows, variant: str, style: Style) -> None:
    color, line = style.color, _LINES[style.line]
    # The legend shows the curve with its marker, which stand apart in the picture.
    shown: dict[str, Any] = {"color": color, "linestyle": line, "linewidth": 1.6}
    budgets = _by_seed(rows, "budget_macs")[0] / 1e6
    accuracy = 100 * _by_seed(rows, "test_accuracy")
    mean = accuracy.mean(0)
    if budgets[0] == budgets[-1]:  # a plain network: one cost, and no line
        spread = accuracy[:, 0].std(ddof=1) if len(accuracy) > 1 else None
        point: dict[str, Any] = {"color": color, "linestyle": "none", "elinewidth": 1}
        point |= _mark(style)
        axes.errorbar(budgets[0], mean[0], spread, label=name_of(variant), zorder=3, **point)
        return
    axes.plot([], [], label=name_of(variant), **shown, **_mark(style))
    axes.plot(budgets, mean, **shown)
    if len(accuracy) > 1:
        spread = accuracy.std(0, ddof=1)
        axes.fill_between(budgets, mean - spread, mean + spread, color=color, alpha=0.15, lw=0)


def _draw_points(axes: Axes, rows: Rows, style: Style) -> None:
    reached = where(rows, status="ok")
    for share in distinct(reached, "teacher_share"):
        chosen = where(reached, teacher_share=share)
        cost = np.mean([row["test_mean_macs"] for row in chosen]) / 1e6
        accuracy = 100 * np.mean([row["test_accuracy"] for row in chosen])
        axes.plot(cost, accuracy, color=style.color, zorder=3, **_mark(style))


def _mark(style: Style) -> dict[str, Any]:
    return {"marker": _MARKERS[style.marker], "mec": "white", "mew": 0.7, "ms": 6.5}


def _draw_teacher(axes: Axes, rows: Rows) -> None:
    known = [row for row in rows if row["macs"] is not None]
    macs = [row["macs"] / 1e6 for row in known]
    accuracy = [100 * row["test_accuracy"] for row in known]
    line: dict[str, Any] = {"color": _TEACHER, "linewidth": 0.8, "linestyle": (0, (1, 3))}
    name = None if known else "teacher, of unknown cost"
    axes.axhline(100 * rows[-1]["test_accuracy"], label=name, **line)
    if known:
        axes.plot(macs, accuracy, "*", color=_TEACHER, markersize=9, label="teacher's exits")


def _whole(row: Row) -> float:
    """The MACs that a budget is a share of."""
    return float(row["budget_macs"]) / _fraction(row["teacher_share"])


def _label(axes: Axes, experiment: str, curves: Rows, pareto: Rows, full: float) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("mean cost per image (million MACs, log scale)")
    axes.set_ylabel("test accuracy (%)")
    low = min(row["budget_macs"] for row in curves) / 1e6
    axes.set_xlim(low * 0.92, full * 1.12)
    ticks = _round_ticks(low * 0.92, full * 1.12)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    shares = distinct(pareto, "teacher_share")
    top = axes.secondary_xaxis("top")
    inside = [s for s in shares if full * _fraction(s) > low * 0.92]
    top.set_xticks([full, *(full * _fraction(s) for s in inside)], ["1", *inside])
    top.minorticks_off()
    top.set_xlabel(share_words("share", pareto[0]["budget_of"]))
    for share in inside:
        axes.axvline(full * _fraction(share), color="0.88", linewidth=0.7, zorder=0)
    axes.grid(axis="y", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    variants, seeds = (distinct(curves, key) for key in ("variant", "seed"))
    axes.set_title(
        f"{experiment}: mean over {len(seeds)} seed{'s' * (len(seeds) > 1)}"
        + (", band ± 1 standard deviation" if len(seeds) > 1 else "")
        + ("\n" if len(variants) > _INSIDE or len(experiment) > _SHORT else "; ")
        + "markers: threshold chosen on validation",
        fontsize=8,
        color="0.3",
        loc="left",
    )


def _fraction(share: str) -> float:
    above, below = share.split("/")
    return int(above) / int(below)


def _round_ticks(low: float, high: float) -> list[float]:
    steps = [m * 10.0**e for e in range(-3, 7) for m in (1, 2, 3, 5, 7)]
    return [tick for tick in steps if low <= tick <= high]
