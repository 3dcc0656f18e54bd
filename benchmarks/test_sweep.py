"""The exact sweep against simulating 1,000 thresholds, and how both grow with the data."""

from functools import lru_cache

import numpy as np
import pytest

import erde_core
from benchmarks.conftest import CLASSES, EXITS, SAMPLES
from benchmarks.simulation import simulate, simulate_by_columns
from erde_core import fast
from erde_core.scores.fitted import LABELS, fit_score

GROUP = "sweep of distinct entropies"
COUNT = 1000
THRESHOLDS = np.linspace(0, 2 * np.log(CLASSES), COUNT)
FITTED_TO = 5000  # images, as many as CIFAR's validation split has


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


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("contender", ["twin", "reference", "simulation"])
def test_sweep_of_each_score(contender, label, timed):
    *data, largest = scored(label)
    group = f"sweep by {label}"
    if contender == "simulation":
        thresholds, name = np.linspace(0, largest, COUNT), "1,000 thresholds by simulate"
        timed(simulate, *data, thresholds, group=group, name=name, rounds=5)
    else:
        package, twin = (fast, True) if contender == "twin" else (erde_core, False)
        name = "compiled twin" if twin else "NumPy reference"
        timed(lambda: package.sweep(*data, largest=largest), group=group, name=name, twin=twin)


def random_logits(rng, samples):
    """They grow from exit to exit, so that almost all scores are distinct."""
    scale = np.arange(1, EXITS + 1, dtype=np.float32)[:, None]
    logits = rng.standard_normal((samples, EXITS, CLASSES), dtype=np.float32) * scale
    return logits, rng.random((samples, EXITS)) < np.linspace(0.5, 0.8, EXITS)


def arguments(rng, samples):
    """Entropies of random logits."""
    logits, correct = random_logits(rng, samples)
    return erde_core.entropy(logits), correct, np.arange(1, EXITS + 1) * 10**7, CLASSES


@lru_cache(maxsize=1)
def scored(label):
    """The same by another score; its fit looks at the first images."""
    rng = np.random.default_rng(0)
    logits, correct = random_logits(rng, SAMPLES)
    labels = logits[:FITTED_TO, -1].argmax(axis=1)
    score = fit_score(label, logits[:FITTED_TO], labels)
    macs = np.arange(1, EXITS + 1) * 10**7
    return score.values(logits), correct, macs, score.largest
