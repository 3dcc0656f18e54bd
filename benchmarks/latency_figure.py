"""The picture: measured speed-up over the teacher beside what the MACs promise."""

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def draw(table, path):
    """One panel per batch size; bars are runtimes, the grey bar is the ratio of MACs."""
    batches = sorted({row["batch"] for row in table})
    runtimes = list(dict.fromkeys(row["runtime"] for row in table))
    names = list(dict.fromkeys(row["network"] for row in table))
    figure, axes = plt.subplots(
        1, len(batches), figsize=(3.6 * len(batches), 4.6), sharey=True, squeeze=False
    )
    height = 0.8 / (len(runtimes) + 1)
    for axis, batch in zip(axes[0], batches, strict=True):
        chosen = {(r["network"], r["runtime"]): r for r in table if r["batch"] == batch}
        promised = [chosen[name, runtimes[0]]["macs_ratio"] for name in names]
        axis.barh(range(len(names)), promised, height, color="0.75", label="ratio of MACs")
        for k, runtime in enumerate(runtimes, 1):
            found = [chosen[name, runtime]["speed_up"] for name in names]
            places = [n + k * height for n in range(len(names))]
            axis.barh(places, found, height, color=f"C{k - 1}", label=runtime)
        axis.set_yticks([n + height for n in range(len(names))], names)
        axis.invert_yaxis()
        axis.set_title(f"batch {batch}")
        axis.set_xlabel("times faster than the teacher")
    axes[0][0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
