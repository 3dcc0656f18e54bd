"""The picture: measured speed-up over the teacher beside what the MACs promise."""

import os
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from erde.evaluation.pareto import Row
from erde_core.store.files import whole_file

_COLORS = ("#0072B2", "#D55E00", "#009E73")  # Okabe and Ito's


def draw_latency(path: str | os.PathLike, table: Sequence[Row]) -> None:
    """Write a PNG: one panel per batch size; bars are runtimes, the grey bar the ratio of MACs."""
    batches = sorted({row["batch"] for row in table})
    figure, axes = plt.subplots(
        1, len(batches), figsize=(2.2 + 2.4 * len(batches), 4.2), sharey=True, squeeze=False
    )
    for axis, batch in zip(axes[0], batches, strict=True):
        _panel(axis, [row for row in table if row["batch"] == batch])
        axis.set_title(f"batch {batch}")
    figure.supxlabel("times faster than the teacher in the same runtime", fontsize=10)
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="upper center", ncols=4)
    figure.tight_layout(rect=(0, 0, 1, 0.93))
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")
    plt.close(figure)


def _panel(axis: Axes, rows: Sequence[Row]) -> None:
    runtimes = list(dict.fromkeys(row["runtime"] for row in rows))
    names = list(dict.fromkeys(row["network"] for row in rows))
    of = {(row["network"], row["runtime"]): row for row in rows}
    height = 0.8 / (len(runtimes) + 1)
    promised = [of[name, runtimes[0]]["macs_ratio"] for name in names]
    axis.barh(range(len(names)), promised, height, color="0.75", label="ratio of MACs")
    for k, runtime in enumerate(runtimes, 1):
        found = [of[name, runtime]["speed_up"] for name in names]
        places = [n + k * height for n in range(len(names))]
        axis.barh(places, found, height, color=_COLORS[k - 1], label=runtime)
    axis.set_yticks([n + height * len(runtimes) / 2 for n in range(len(names))], names)
    if not axis.yaxis_inverted():
        axis.invert_yaxis()
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)
