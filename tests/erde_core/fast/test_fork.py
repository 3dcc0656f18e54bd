"""A pool that forks after the twins have been used: it must answer, and answer the same."""

import subprocess
import sys

import pytest

POOL = """
import multiprocessing as mp
import numpy as np
from erde_core import fast, method_settings

rng = np.random.default_rng(0)
student, teacher = rng.normal(size=(2, 300, 4, 10))
labels = rng.integers(10, size=300)
settings = method_settings("erde")


def loss(_):
    return fast.erde_loss_and_gradient(student, teacher, labels, settings)[1].tobytes()


here = loss(0) if {before} else None
with mp.get_context("fork").Pool(2) as pool:
    found = pool.map_async(loss, range(2)).get(timeout=100)
assert set(found) == {{here or loss(0)}}
"""


@pytest.mark.parametrize("before", [True, False])
def test_a_forked_pool_answers(before):
    code = POOL.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
