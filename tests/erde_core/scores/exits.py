"""Exit logits to try scores on: random, tied, with undefined and masked entries, and real ones."""

from pathlib import Path

import numpy as np

MACS = np.array([3, 5, 7, 9])
KINDS = ("random", "tied", "holes", "real")


def exits(kind, samples=120):
    """Logits ``(N, 4, C)`` and labels of a network that answers better from exit to exit."""
    if kind == "real":
        with np.load(Path(__file__).parents[2] / "data/demo_logits.npz") as file:
            return file["logits"], file["labels"].astype(np.int64)
    rng = np.random.default_rng(KINDS.index(kind))
    labels = rng.integers(0, 6, samples)
    logits = (rng.normal(size=(samples, 4, 6)) * rng.uniform(0.5, 9, (samples, 1, 1))).astype("f4")
    logits[np.arange(samples), :, labels] += np.arange(4) * 1.5
    if kind == "tied":
        logits = np.round(logits / 4) * 4
    if kind == "holes":
        logits[::7, 1, 2] = np.nan
        logits[3::11, 0, 4] = np.inf
        logits[5::13, 2] = -np.inf
        logits[1::5, :, 5] = -np.inf
    return logits, labels
