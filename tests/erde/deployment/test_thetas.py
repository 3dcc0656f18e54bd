"""One θ or one per early exit: of any kind of number, in range, as many as there are exits."""

import numpy as np
import pytest

from erde.deployment.runner import Runner
from erde_core.policy import exit_indices
from erde_core.softmax import entropy
from tests.erde.deployment.test_runner import run_py


@pytest.fixture(scope="module")
def runner(exported):
    return Runner(exported)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("theta", [1, np.float32(1), np.int64(1), np.array(1), [1], [1.0, 1, 1]])
def test_theta_may_be_any_kind_of_number(runner, deployable, count, theta):
    expected = runner.predict(deployable.pixels[:count], 1.0)
    for mine, its in zip(runner.predict(deployable.pixels[:count], theta), expected, strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("count", [1, 150])
def test_one_theta_per_early_exit(runner, deployable, count):
    scores = entropy(deployable.split.logits)
    for theta in ((0.0, 0.0, 4.6), (1.2, 0.3, 0.9), np.quantile(scores[:, :3], 0.4, axis=0)):
        expected = exit_indices(scores[:count], theta)
        np.testing.assert_array_equal(runner.predict(deployable.pixels[:count], theta)[2], expected)
    assert len(set(expected)) == 4 or count == 1


@pytest.mark.parametrize(
    ("theta", "words"),
    [
        ([1.0, 1.0], "theta must be one number or 3, got 2"),
        ([1.0] * 4, "theta must be one number or 3, got 4"),
        ([], "theta must be one number or 3, got 0"),
        ([1.0, 5.0, 1.0], r"given, 0 … 4\.6052, got \[1\.0, 5\.0, 1\.0\]"),
        ([1.0, float("nan"), 1.0], r"given, 0 … 4\.6052, got \[1\.0, nan, 1\.0\]"),
    ],
)
def test_thetas_that_fit_no_exits(runner, deployable, theta, words):
    with pytest.raises(ValueError, match=words):
        runner.predict(deployable.pixels[:2], theta)


def test_run_py_takes_one_theta_per_early_exit(exported, deployable, tmp_path):
    np.save(tmp_path / "images.npy", deployable.pixels[:40])
    done = run_py(exported, tmp_path / "images.npy", "--theta", "1.2,0.3,0.9")
    found = [int(line.split(",")[2]) for line in done.stdout.splitlines()[1:]]
    scores = entropy(deployable.split.logits[:40])
    assert found == exit_indices(scores, (1.2, 0.3, 0.9)).tolist()
    done = run_py(exported, tmp_path / "images.npy", "--theta", "1.2,much")
    assert (done.returncode, done.stdout) == (1, "")
    words = "theta must be a number, or several with commas, got '1.2,much'"
    assert done.stderr == f"run.py: error: {words}\n"


# The last one is 2 log 10 rounded up to float32: it is judged in double precision like the others.
@pytest.mark.parametrize("theta", [-0.1, 4.7, float("nan"), None, np.float32(4.60517024)])
def test_theta_out_of_range(runner, deployable, theta):
    with pytest.raises(ValueError, match=r"theta must be certified or given, 0 … 4.6052, got"):
        runner.predict(deployable.pixels, theta)


@pytest.mark.parametrize(
    "theta",
    [
        [[1.0, 0.5, 0.2]],
        [[1.0], [0.5], [0.2]],
        [[0.5]],
        np.ones((1, 3)),
        np.ones((3, 1)),
        [np.ones(1)] * 3,
        [1.0, None, 0.2],
        {"theta": 1.0},
        object(),
        1j,
        pytest.param(10**400, id="huge"),
    ],
)
def test_what_is_no_row_of_numbers(runner, deployable, theta):
    """A sentence like that on any other wrong θ; nested lists are one slip of the hand away."""
    with pytest.raises(ValueError, match=r"^theta must be a number, or several with commas, got"):
        runner.predict(deployable.pixels[:2], theta)
