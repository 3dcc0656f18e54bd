"""A pool that forks after the twins have been used: it must answer, and answer the same."""

import subprocess
import sys

import pytest

POOL = """
import multiprocessing as mp
import numpy as np
from erde_core.fast.bootstrap import resampled_curves  # of the kernels with threads the smallest
from erde_core.statistics.bootstrap import group_weights
from erde_core.statistics.sorted_steps import sorted_steps

rng = np.random.default_rng(0)
entropy, correct = rng.uniform(0, 2, (300, 4)), rng.uniform(size=(300, 4)) < 0.6
steps = sorted_steps(entropy, correct, [10, 20, 30, 40], 10)
weights = group_weights(np.arange(300), 50, seed=2)


def area(_):
    return resampled_curves(steps, weights, [15.0, 35.0])[1].tobytes()


here = area(0) if {before} else None
with mp.get_context("fork").Pool(2) as pool:
    found = pool.map_async(area, range(2)).get(timeout=100)
assert set(found) == {{here or area(0)}}
"""


@pytest.mark.parametrize("before", [True, False])
def test_a_forked_pool_answers(before):
    code = POOL.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
