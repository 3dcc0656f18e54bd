"""The picture of a list of values: accuracy over value, on validation to choose, on test to see."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from erde.evaluation.budgets import share_words
from erde.evaluation.tables.rows import Rows, distinct, where
from erde.experiment.names import name_of, split_name, values_name
from erde.pictures.drawing import drawing

# From the largest budget to the smallest; grey levels differ for print.
_STYLES = [
    ("#003B5C", "-", "o"),
    ("#0072B2", "--", "s"),
    ("#009E73", "-.", "^"),
    ("#D55E00", ":", "D"),
    ("#8A4A6B", (0, (5, 1, 1, 1, 1, 1)), "v"),
]
_SIDES = {
    "val": "validation images (thresholds are chosen on them)",
    "test": "test images",
}
_SPREAD = 0.24  # of the step between two values, that the budgets' error bars share
Style = dict[str, Any]  # arguments of matplotlib's functions
_LETTERS = 24  # that fit along one panel side by side


def values_figure(experiment: str, rows: Rows) -> Figure:
    """Draw ``values.csv``: a row of two panels per family.

    Points are means over seeds, bars one standard deviation (n - 1). A ring marks, per budget, the
    value that is best on validation, in both panels. Values stand at equal distances. A budget
    that no seed reaches with a value leaves a gap.
    """
    families = distinct(rows, "family")
    with drawing():
        size = (7.6, 0.6 + 3.3 * len(families))
        figure = Figure(figsize=size, dpi=200, layout="constrained")
        panels = figure.subplots(len(families), 2, sharey="row", squeeze=False)
        for family, pair in zip(families, panels, strict=True):
            mine = where(rows, family=family)
            for axes, (split, title) in zip(pair, _SIDES.items(), strict=True):
                _draw(axes, mine, split)
                axes.set_title(title, fontsize=9)
            pair[0].set_ylabel("accuracy (%)")
        drawn = [axes.get_legend_handles_labels() for axes in panels[:, 0]]
        entries = {name: line for pair in drawn for line, name in zip(*pair, strict=True)}
        figure.legend(
            entries.values(), entries.keys(), loc="outside lower center", ncols=3, handlelength=3.2
        )
        seeds = max(row["seeds"] for row in rows)
        figure.suptitle(
            f"{experiment}: mean over {seeds} seed{'s' * (seeds > 1)}"
            + (", bar ± 1 standard deviation" if seeds > 1 else "")
            + "; ring: best mean on validation",
            fontsize=8,
            color="0.3",
        )
    return figure


def _draw(axes: Axes, rows: Rows, split: str) -> None:
    labels = distinct(rows, "variant")
    shares = distinct(rows, "teacher_share")
    reached = {row["teacher_share"] for row in rows if row["seeds"]}
    places = iter(
        np.linspace(-_SPREAD / 2, _SPREAD / 2, len(reached)) if len(reached) > 1 else [0.0]
    )
    for share, (color, line, marker) in zip(shares, _STYLES[: len(shares)], strict=True):
        if share not in reached:
            continue
        mine = where(rows, teacher_share=share)
        x = np.arange(len(labels)) + next(places)
        mean, spread = (_percent(mine, f"{split}_{name}") for name in ("accuracy", "deviation"))
        style: dict[str, Any] = {
            "color": color,
            "linestyle": line,
            "marker": marker,
            "ms": 5,
            "lw": 1.4,
        }
        axes.errorbar(x, mean, spread, label=_budget(share, mine), elinewidth=0.9, **style)
        best = [row["chosen"] for row in mine]
        axes.plot(x[best], mean[best], "o", ms=11, mfc="none", mec="black", mew=1)
    ticks = [values_name(label) for label in labels]
    slant: dict[str, Any] = (
        {"rotation": 40, "ha": "right"} if len("".join(ticks)) > _LETTERS else {}
    )
    axes.set_xticks(range(len(labels)), ticks, **slant)
    axes.set_xlabel(_x_label(labels[0]))
    axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.grid(axis="y", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)


def _budget(share: str, rows: Rows) -> str:
    full = all(row["status"] == "saturated" for row in rows)
    return share_words(share, rows[0]["budget_of"]) + (" (no limit)" if full else "")


def _x_label(variant: str) -> str:
    family, values = split_name(variant)
    keys = ", ".join(key.replace("_", " ") for key in values)
    return f"{keys} of {name_of(family)}"


def _percent(rows: Rows, column: str) -> NDArray[np.float64]:
    return 100 * np.array([row[column] for row in rows], dtype=np.float64)
