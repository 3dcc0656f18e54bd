"""The picture: measured speed-up over the teacher beside what the MACs promise."""

import textwrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from erde.evaluation.latency import disturbances
from erde.evaluation.tables.rows import Rows, distinct, where
from erde.pictures.drawing import drawing

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # Okabe and Ito's
_LETTERS, _ENTRIES = 16, 0.7  # of a warning and of the legend that fit on an inch


def latency_figure(table: Rows) -> Figure:
    """Rows of ``latency.csv``: a panel per batch size, the ratio of MACs above the runtimes' bars.

    A line on each bar goes from the slowest to the fastest round. Where something disturbed the
    clock, a line above the legend says so.
    """
    batches = sorted(distinct(table, "batch"))
    with drawing():
        inches = 2.2 + 2.4 * len(batches)
        figure = Figure(figsize=(inches, 4.4), dpi=150, layout="constrained")
        panels = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
        for axes, batch in zip(panels, batches, strict=True):
            _panel(axes, where(table, batch=batch))
            axes.set_title(f"batch {batch}", fontsize=9)
        figure.supxlabel("times faster than the teacher in the same runtime", fontsize=9)
        handles, names = panels[0].get_legend_handles_labels()
        # As the legend's own title: one of the figure would lie over the legend.
        said = textwrap.fill(" ".join(disturbances(table)), int(_LETTERS * inches))
        legend = figure.legend(
            handles,
            names,
            loc="outside upper center",
            ncols=min(len(handles), int(_ENTRIES * inches)),
            title=said or None,
            title_fontsize=8,
        )
        legend.get_title().set_color("#A03000")
    return figure


def _panel(axes: Axes, rows: Rows) -> None:
    runtimes, names = distinct(rows, "runtime"), distinct(rows, "network")
    height = 0.8 / (len(runtimes) + 1)
    # A network in 8 bits may have operating points of its own.
    promised = [where(rows, network=name)[0]["macs_ratio"] for name in names]
    axes.barh(range(len(names)), promised, height, color="0.75", label="ratio of MACs")
    for k, runtime in enumerate(runtimes, 1):
        found = where(rows, runtime=runtime)
        middle = [row["speed_up"] for row in found]
        reach = [
            [row["speed_up"] - row["speed_up_lowest"] for row in found],
            [row["speed_up_highest"] - row["speed_up"] for row in found],
        ]
        places = [names.index(row["network"]) + k * height for row in found]
        ends: dict[str, Any] = {"xerr": reach, "error_kw": {"elinewidth": 1, "capsize": 2}}
        axes.barh(places, middle, height, color=_COLORS[k - 1], label=runtime, **ends)
    axes.set_yticks([n + height * len(runtimes) / 2 for n in range(len(names))], names)
    if not axes.yaxis_inverted():
        axes.invert_yaxis()
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
