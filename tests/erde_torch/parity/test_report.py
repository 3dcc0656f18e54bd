"""The comparison behind the parity command: it must see what is wrong, and only that."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

import erde_core
from erde_torch.parity.cases import parity_cases
from erde_torch.parity.report import (
    Backend,
    backends,
    compare,
    compare_all,
    evaluated,
    largest_error,
    report,
)

CASES = {case.name: case for case in parity_cases()}


def reference_backend(change=lambda loss, gradient: (loss, gradient)):
    def evaluate(case):
        return change(*evaluated(erde_core.erde_loss_and_gradient, case))

    return Backend("changed", "CPU", "float64", "float64", evaluate)


def test_the_reference_agrees_with_itself_and_a_changed_one_does_not():
    case = CASES["moderate"]
    assert compare(reference_backend(), case)["within"]
    for change in (
        lambda loss, gradient: (loss * (1 + 1e-11), gradient),
        lambda loss, gradient: (loss, gradient + 1e-13),
        lambda loss, gradient: (loss, -gradient),
        lambda loss, gradient: (loss[:, ::-1], gradient),
        lambda loss, gradient: (loss[:-1], gradient),
        lambda loss, gradient: (loss * np.nan, gradient),
    ):
        assert not compare(reference_backend(change), case)["within"]


def test_a_hidden_nan_is_found():
    filled = reference_backend(lambda loss, gradient: (np.nan_to_num(loss), gradient))
    assert compare(filled, CASES["moderate"])["within"]
    assert compare(filled, CASES["undefined"])["loss_error"] == math.inf
    assert compare(filled, CASES["masked"])["loss_error"] == math.inf


def test_largest_error():
    expected = np.array([1.0, np.nan, np.inf])
    assert largest_error(np.array([1.5, np.nan, np.inf]), expected) == 0.5
    assert largest_error(np.array([1.0, np.nan, -np.inf]), expected) == math.inf
    assert largest_error(np.array([np.nan, np.nan, np.inf]), expected) == math.inf
    assert largest_error(np.zeros((0, 3)), np.zeros((0, 3))) == 0


def test_every_backend_of_this_machine_is_listed_once():
    keys = [(b.name, b.device, b.dtype) for b in backends()]
    assert len(set(keys)) == len(keys)
    assert {"erde_core.fast", "erde_torch"} == {name for name, _, _ in keys}
    dtypes = {dtype for name, _, dtype in keys if name == "erde_torch"}
    assert dtypes == {"float64", "float32", "float16", "bfloat16"}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_rounded_cases_hold_what_the_type_holds(dtype):
    case = CASES["up to 300"].rounded(dtype)
    assert np.array_equal(case.rounded(dtype).student, case.student)
    assert (dtype == "float64") == np.array_equal(case.student, CASES["up to 300"].student)
    assert 290 < case.magnitude < 301
    assert CASES["masked"].magnitude < 30


def test_report():
    good, bad = reference_backend(), reference_backend(lambda loss, gradient: (loss + 1, gradient))
    rows = compare_all([good, bad])
    assert len(rows) == 2 * len(CASES)
    text = report(rows)
    # Where there are no samples, or no row is defined, nothing can be wrong.
    assert text.count("| ok |") == len(CASES) + 2
    assert text.count("OUT OF TOLERANCE") == len(CASES) - 2
    assert f"numpy {np.__version__}" in text
    assert all(case.why in text for case in CASES.values())


def test_the_documented_example_finds_what_the_page_says_it_finds():
    page = Path(__file__).parents[3].joinpath("docs/validating.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.S)
    (claimed,) = re.findall(r"It prints `(.*?)`", page)
    printed = []
    exec(example, {"print": lambda *words: printed.append(" ".join(map(str, words)))})
    assert printed == [claimed]
