"""Early exit beside its static nets: the curves of every student of one teacher, and plain nets."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from erde.pictures.drawing import FONT
from studies.tables import numbers, rows_of, unique

# Suffix of the experiment → what its student is, colour (Okabe and Ito), line.
_MEMBERS = {
    "": ("ResNet10", "#D55E00", "-"),
    "_w075": ("ResNet10, ¾ of the width", "#E69F00", "--"),
    "_w050": ("ResNet10, half the width", "#CC79A7", "-."),
    "_thin18": ("ResNet18, half the width", "#009E73", (0, (8, 2))),
    "_resnet18": ("ResNet18", "#56B4E9", (0, (3, 1))),
    "_long": ("ResNet10, ten times the epochs", "#D55E00", (0, (5, 1, 1, 1, 1, 1))),
}
_PLAIN = {"truncated": ("plain: cut off after an exit", "v"), "narrow": ("plain: narrower", "^")}
_SHARES = (1, 2, 3, 5, 8, 12, 20, 40)  # of the teacher's MACs, one over


def has_family(folder: Path, main: str) -> bool:
    """Whether another student than ``main``'s was run, or a plain network."""
    others = (rows_of(folder, main + suffix, "bands") for suffix in _MEMBERS if suffix)
    return any(others) or bool(rows_of(folder, main, "rivals"))


def family_figure(folder: Path, main: str) -> Figure:
    """ERDE's curve for every student of ``main``'s teacher, its exits, and the plain networks.

    Args:
        folder: the published results: ``bands.csv``, ``teacher_exits.csv`` and, where trained,
            ``rivals.csv`` of ``main``; ``bands.csv`` of ``<main>_w075`` and so on, where run.
        main: the main experiment.

    Returns:
        The figure: test accuracy in % over MACs as shares of the teacher's; means over the seeds.
    """
    with mpl.rc_context(FONT):
        figure = Figure(figsize=(7.2, 5.4), dpi=200, layout="constrained")
        axes = figure.add_subplot()
        teacher = rows_of(folder, main, "teacher_exits")
        full = numbers(teacher, "macs")[-1]
        for suffix, (label, color, line) in _MEMBERS.items():
            rows = rows_of(folder, main + suffix, "bands")
            share = [value / full for value in numbers(rows, "budget_macs", variant="erde")]
            accuracy = [100 * value for value in numbers(rows, "accuracy", variant="erde")]
            if share:
                axes.plot(share, accuracy, color=color, linestyle=line, label=f"ERDE, {label}")
        _draw_plain(axes, rows_of(folder, main, "rivals"), full)
        _draw_teacher(axes, teacher, full)
        _label(axes, main)
        figure.legend(loc="outside lower center", ncols=2, fontsize=8, handlelength=3.2)
    return figure


def _draw_plain(axes: Axes, rivals: list[dict[str, str]], full: float) -> None:
    for kind, (label, marker) in _PLAIN.items():
        mine = [row for row in rivals if row["kind"] == kind]
        points = unique(mine, "rival_macs", "rival_accuracy")  # repeated for every variant
        if points:
            x = [float(macs) / full for macs, _ in points]
            y = [100 * float(accuracy) for _, accuracy in points]
            axes.plot(x, y, marker, color="0.35", markerfacecolor="white", label=label)


def _draw_teacher(axes: Axes, teacher: list[dict[str, str]], full: float) -> None:
    x = [value / full for value in numbers(teacher, "macs")]
    y = [100 * value for value in numbers(teacher, "test_accuracy")]
    of_exits = "teacher, ResNet34: its exits"
    axes.plot(x, y, "o:", color="black", linewidth=0.8, markersize=4, label=of_exits)


def _label(axes: Axes, main: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([1 / share for share in _SHARES]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels(["1", *(f"1/{share}" for share in _SHARES[1:])])
    axes.set_xlabel("mean MACs of an image, as a share of the teacher's (log scale)")
    axes.set_ylabel("test accuracy (%)")
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_title(f"{main}: early exit beside its static nets, means over the seeds", fontsize=9)
