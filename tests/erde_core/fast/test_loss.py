"""What only the compiled loss promises: dtypes, threads, one version for all layouts."""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

import erde_core
from erde_core import LossSettings, checks, fast
from erde_core.fast import loss as compiled
from tests.twins import loss_arguments


@pytest.fixture
def arguments():
    return loss_arguments(np.random.default_rng(0), 300, exits=3, classes=37)


@pytest.mark.parametrize(
    ("student", "teacher", "gradient"),
    [
        (np.float32, np.float32, np.float32),
        (np.float16, np.float16, np.float32),
        (np.float32, np.float16, np.float32),
        (np.float32, np.float64, np.float64),
        (np.float64, np.float32, np.float64),
        (np.longdouble, np.float32, np.float64),
    ],
)
def test_gradient_is_single_only_where_nothing_is_more(arguments, student, teacher, gradient):
    s, t, labels, settings = arguments
    loss, slopes = fast.erde_loss_and_gradient(
        s.astype(student), t.astype(teacher), labels, settings
    )
    assert (loss.dtype, slopes.dtype) == (np.float64, gradient)


def test_result_does_not_depend_on_the_number_of_threads(arguments):
    before = numba.get_num_threads()
    results = []
    try:
        for threads in (1, before):
            numba.set_num_threads(threads)
            results.append(fast.erde_loss_and_gradient(*arguments))
    finally:
        numba.set_num_threads(before)
    for one, several in zip(*results, strict=True):
        assert np.array_equal(one, several)


def test_calls_from_several_threads_at_once(arguments):
    expected, _ = fast.erde_loss_and_gradient(*arguments)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(fast.erde_loss_and_gradient, *arguments) for _ in range(20)]
        assert all(np.array_equal(call.result()[0], expected) for call in calls)


def test_layouts_share_one_compiled_version(arguments):
    student, teacher, labels, settings = arguments
    expected, _ = fast.erde_loss_and_gradient(*arguments)
    versions = len(compiled._kernel.signatures)
    for view in (np.asfortranarray(student), student[:, ::-1][:, ::-1], np.repeat(student, 2, 2)):
        view = view[..., ::2] if view.shape != student.shape else view
        view.flags.writeable = False
        assert np.array_equal(fast.erde_loss(view, teacher, labels, settings), expected)
    assert len(compiled._kernel.signatures) == versions


def test_negative_nan_of_a_teacher_is_not_overlooked(arguments):
    student, teacher, labels, settings = arguments
    teacher[5, 1, 3] = -np.float32(np.nan)
    assert np.signbit(teacher[5, 1, 3])
    loss, gradient = fast.erde_loss_and_gradient(student, teacher, labels, settings)
    assert np.isnan(loss[5, 1])
    assert np.isnan(gradient[5, 1]).all()
    assert np.isnan(loss).sum() == 1
    assert not fast.teacher_right(teacher, labels)[5, 1]


def test_temperatures_at_the_ends_of_the_range_are_those_of_the_reference(arguments):
    for temperature in checks.TEMPERATURES:
        settings = LossSettings(temperature=temperature, kd_mask="all")
        found = fast.erde_loss(*arguments[:3], settings)
        expected = erde_core.erde_loss(*arguments[:3], settings)
        share = 1e-12 * max(1.0, temperature**2 / 16)
        assert np.allclose(found, expected, rtol=1e-12, atol=share)


@pytest.mark.parametrize("bad", [[np.nan, 0.0, 1.0], [-np.inf] * 3, [np.inf, 0.0, 0.0]])
@pytest.mark.parametrize("forms", [{}, {"target_from": "last"}, {"self_weight": 1.0}])
@pytest.mark.parametrize("of_student", [True, False])
def test_an_undefined_last_row_spoils_what_the_reference_says(bad, forms, of_student):
    """Of the student or of its teacher, which is right for some labels and wrong for others."""
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 6, 2, 3))
    (student if of_student else teacher)[:3, 1] = bad
    labels, settings = np.array([0, 1, 2, 0, 1, 2]), erde_core.method_settings("erde", **forms)
    expected = erde_core.erde_loss_and_gradient(student, teacher, labels, settings)
    found = fast.erde_loss_and_gradient(student, teacher, labels, settings)
    for wanted, got in zip(expected, found, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)
