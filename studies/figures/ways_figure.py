"""The four ways side by side, and the early-exit students one by one, over what they cost."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from erde.evaluation.envelope import WAYS
from erde.experiment.trainings import CASCADE, EARLY_EXIT, MIXTURE, PLAIN
from erde.pictures.drawing import FONT
from erde_core.errors import ErdeError
from studies.tables import Rows, numbers, rows_of, unique

# Okabe and Ito; marker and line differ too.
_Look = tuple[str, str, Any]  # Matplotlib has no type for a line's dashes
_LOOKS: dict[str, _Look] = {
    PLAIN: ("0.35", "s", ":"),
    EARLY_EXIT: ("#D55E00", "o", "-"),
    CASCADE: ("#0072B2", "^", "--"),
    MIXTURE: ("#009E73", "D", "-."),
}
_STUDENTS: tuple[_Look, ...] = (
    ("#CC79A7", "o", "-"),
    ("#E69F00", "v", "--"),
    ("#56B4E9", "P", "-."),
    ("#000000", "X", (0, (1, 1))),
    ("#009E73", "D", (0, (6, 2))),
    ("#0072B2", "<", "-"),
    ("#D55E00", "p", "--"),
    ("0.55", "h", "-."),
)
_APART = 0.012  # of the logarithm of the share: ranges of several ways beside each other


def ways_figure(folder: Path, experiment: str) -> Figure:
    """Test accuracy in % over shares of the teacher's MACs; the range over the seeds as a line.

    Left: of each way the network that validation chose, what is shipped in a ring. Right: every
    early-exit student, beside the plain networks that validation chose.

    Args:
        folder: the published results, with ``trials.csv``, ``ways.csv`` and ``teacher_exits.csv``.
        experiment: whose.

    Raises:
        ValueError: more early-exit students than can be told apart.
    """
    with mpl.rc_context(FONT):
        figure = Figure(figsize=(9.2, 4.7), dpi=200, layout="constrained")
        left, right = figure.subplots(1, 2)
        ways = [r for r in rows_of(folder, experiment, "ways") if r["network"]]
        _draw_ways(left, ways)
        early = [r for r in rows_of(folder, experiment, "trials") if r["way"] == EARLY_EXIT]
        _draw_students(right, early)
        plain = [r for r in ways if r["way"] == PLAIN]
        _line(right, plain, _LOOKS[PLAIN], "plain, as on the left", 0)
        seeds = int(ways[0]["seeds"])
        teacher = numbers(rows_of(folder, experiment, "teacher_exits"), "test_accuracy")[-1]
        for axes in (left, right):
            axes.axhline(100 * teacher, color="0.6", linewidth=0.8, zorder=0, label="teacher")
            _label(axes, [share for (share,) in unique(ways, "teacher_share")])
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, fontsize=8,
                        handlelength=3.4, frameon=False)  # fmt: skip
        left.set_ylabel("test accuracy (%)")
        left.set_title("the best of each way, chosen on validation; ring: shipped", fontsize=9)
        right.set_title("early-exit students one by one", fontsize=9)
        figure.suptitle(f"{experiment}: means and ranges over {seeds} seeds", fontsize=9)
    return figure


def _draw_ways(axes: Axes, ways: Rows) -> None:
    for place, way in enumerate(WAYS):
        mine = [row for row in ways if row["way"] == way]
        if mine:
            _line(axes, mine, _LOOKS[way], way, place - 1.5)
    shipped = [row for row in ways if row["chosen"] == "1"]
    for row in shipped:
        x = _x(row, WAYS.index(row["way"]) - 1.5)
        axes.plot(x, 100 * float(row["test_accuracy"]), "o", color="black", markersize=12,
                  markerfacecolor="none", markeredgewidth=1.2)  # fmt: skip


def _draw_students(axes: Axes, early: Rows) -> None:
    names = [name for (name,) in unique(early, "network")]
    if len(names) > len(_STUDENTS):
        raise ErdeError(f"early-exit students must be at most {len(_STUDENTS)}, got {len(names)}")
    for place, (name, look) in enumerate(zip(names, _STUDENTS, strict=False)):
        mine = [row for row in early if row["network"] == name]
        _line(axes, mine, look, name, place - (len(names) - 1) / 2)


def _line(axes: Axes, rows: Rows, look: _Look, label: str, apart: float) -> None:
    color, marker, line = look
    x = [_x(row, apart) for row in rows]
    mean, low, high = (
        [100 * float(row[column]) for row in rows]
        for column in ("test_accuracy", "seed_lowest", "seed_highest")
    )
    axes.vlines(x, low, high, color=color, linewidth=1, alpha=0.6)
    axes.plot(x, mean, color=color, marker=marker, linestyle=line, markersize=5, label=label)


def _x(row: dict[str, str], apart: float) -> float:
    of, share = row["teacher_share"].split("/")
    value: float = float(of) / float(share) * (1 + apart * _APART)
    return value


def _label(axes: Axes, shares: list[str]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([1 / int(share[2:]) for share in shares]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels(shares)
    axes.set_xlabel("mean MACs of an image, as a share of the teacher's (log scale)")
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
