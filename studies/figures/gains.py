"""What ERDE gains over its rivals, experiment by experiment, in one picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from erde.experiment.names import name_of
from erde.pictures.drawing import FONT
from studies.tables import rows_of

_AGAINST = {"kd": "#009E73", "masked_kd": "#666666"}  # their colours in every other picture
_THICK, _THIN = 3.6, 1.2


def has_gains(folder: Path, experiment: str) -> bool:
    """Whether ``<experiment>/overall.csv`` holds ERDE against one of them at equal MACs."""
    return any(_row(folder, experiment, other) for other in _AGAINST)


def gains_figure(folder: Path, experiments: Sequence[str]) -> Figure:
    """ERDE minus KD, and minus masked KD, at equal MACs: the mean over the 20 budgets.

    Args:
        folder: the published results, with ``<experiment>/overall.csv``.
        experiments: from top to bottom; one without the table or the pair leaves its line empty.

    Returns:
        The figure: one line per experiment, thick to the end of the 95 % interval for these
        seeds, thin for newly trained ones, in points of test accuracy.
    """
    with mpl.rc_context(FONT):
        height = 1.1 + 0.24 * len(experiments)
        figure = Figure(figsize=(7.6, height), dpi=200, layout="constrained")
        panels = figure.subplots(1, len(_AGAINST), sharey=True)
        for axes, (other, color) in zip(panels, _AGAINST.items(), strict=True):
            _draw(axes, folder, experiments, other, color)
        panels[0].set_yticks(range(len(experiments)), labels=experiments)
        panels[0].invert_yaxis()
        figure.supxlabel(
            "points of test accuracy at equal MACs, mean over 20 budgets; 95 % intervals:\n"
            "thick for these networks, thin for newly trained ones; n is the number of seeds",
            fontsize=8,
            color="0.3",
        )
    return figure


def _draw(axes: Axes, folder: Path, experiments: Sequence[str], other: str, color: str) -> None:
    axes.axvline(0, color="0.6", linewidth=0.8)
    for y, name in enumerate(experiments):
        if row := _row(folder, name, other):
            _line(axes, y, row, color)
    axes.set_title(f"ERDE − {name_of(other)}", fontsize=9)
    axes.grid(axis="x", color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)


def _row(folder: Path, experiment: str, other: str) -> dict[str, str] | None:
    wanted = ("erde", other, "macs")
    rows = rows_of(folder, experiment, "overall")
    return next((r for r in rows if (r["variant"], r["against"], r["equal"]) == wanted), None)


def _line(axes: Axes, y: int, row: dict[str, str], color: str) -> None:
    for kind, width in (("new", _THIN), ("these", _THICK)):
        ends = [row[f"{kind}_seeds_{end}"] for end in ("low", "high")]
        if all(ends):
            points = [100 * float(end) for end in ends]
            axes.plot(points, [y, y], color=color, linewidth=width, solid_capstyle="butt")
    mean = 100 * float(row["difference"])
    axes.plot(mean, y, "o", color="white", markeredgecolor=color, markersize=4.5)
    axes.annotate(
        f"{mean:+.1f}  n {row['seeds']}",
        (1.02, y),
        xycoords=("axes fraction", "data"),
        ha="left",
        va="center",
        fontsize=7,
        color="0.3",
    )
