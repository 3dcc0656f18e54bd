"""Every function that has a compiled twin, against it: the rows of ``tests/twins.py``."""

import pytest

from benchmarks.conftest import CLASSES, EXITS, SAMPLES, THREADS
from tests.twins import PAIRS

SERIAL = ("exit_indices", "sweep")  # twins that use one thread


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_reference(pair, rng, timed):
    arguments = pair.arguments(rng, SAMPLES, exits=EXITS, classes=CLASSES)
    timed(pair.reference, *arguments, group=pair.name, name="NumPy reference", rounds=5)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_twin(pair, rng, timed):
    arguments = pair.arguments(rng, SAMPLES, exits=EXITS, classes=CLASSES)
    name, threads = "compiled twin", 1 if pair.name in SERIAL else THREADS
    timed(pair.twin, *arguments, group=pair.name, name=name, threads=threads, twin=True, rounds=30)
