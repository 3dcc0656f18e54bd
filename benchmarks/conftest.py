"""Size and thread count that all benchmarks share, and the way each is timed."""

import os

import numba
import numpy as np
import pytest
import torch

SAMPLES, EXITS, CLASSES = 50_000, 4, 100
THREADS = min(2, os.cpu_count() or 1)


@pytest.fixture(scope="session", autouse=True)
def _threads():
    numba.set_num_threads(THREADS)
    torch.set_num_threads(THREADS)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def timed(benchmark):
    """Time a function, warm; ``twin`` marks the one of a group that ratios refer to."""

    def run(function, *arguments, group, name, threads=1, twin=False, rounds=10):
        benchmark.group = group
        benchmark.extra_info.update(contender=name, threads=threads, twin=twin)
        benchmark.pedantic(function, arguments, rounds=rounds, iterations=1, warmup_rounds=2)

    return run
