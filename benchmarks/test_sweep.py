"""The exact sweep against simulating 1,000 thresholds, and how both grow with the data."""

import numpy as np
import pytest

import erde_core
from benchmarks.conftest import CLASSES, EXITS, SAMPLES
from benchmarks.simulation import simulate, simulate_by_columns
from erde_core import fast

GROUP = "sweep of distinct entropies"
THRESHOLDS = np.linspace(0, 2 * np.log(CLASSES), 1000)


@pytest.mark.parametrize("simulation", [simulate, simulate_by_columns])
def test_simulation(simulation, rng, timed):
    *data, _ = arguments(rng, SAMPLES)
    name = f"1,000 thresholds by {simulation.__name__}"
    timed(simulation, *data, THRESHOLDS, group=GROUP, name=name, rounds=5)


@pytest.mark.parametrize("factor", [1, 4])
@pytest.mark.parametrize("package", [erde_core, fast], ids=["reference", "twin"])
def test_exact_sweep(package, factor, rng, timed):
    name = {erde_core: "NumPy reference", fast: "compiled twin"}[package]
    size, twin = {1: "", 4: ", 4 N"}[factor], package is fast and factor == 1
    data = arguments(rng, factor * SAMPLES)
    timed(package.sweep, *data, group=GROUP, name=name + size, twin=twin)


def arguments(rng, samples):
    """Entropies of random logits that grow from exit to exit, almost all of them distinct."""
    scale = np.arange(1, EXITS + 1, dtype=np.float32)[:, None]
    logits = rng.standard_normal((samples, EXITS, CLASSES), dtype=np.float32) * scale
    correct = rng.random((samples, EXITS)) < np.linspace(0.5, 0.8, EXITS)
    return erde_core.entropy(logits), correct, np.arange(1, EXITS + 1) * 10**7, CLASSES
