"""Softmax, its logarithm and its entropy."""

import math

import numpy as np
import pytest

from erde_core import entropy, log_softmax, softmax

pytestmark = pytest.mark.filterwarnings("error")
UNDEFINED = [[0.0, np.nan, 1.0], [0.0, np.inf, 1.0], [-np.inf] * 3, [np.inf] * 3, [np.nan] * 3]


def test_hand_computed():
    logits = np.log([[1.0, 2.0, 5.0]])
    assert softmax(logits) == pytest.approx(np.array([[1 / 8, 2 / 8, 5 / 8]]), rel=1e-15)
    assert log_softmax(logits)[0, 0] == pytest.approx(-math.log(8), rel=1e-15)
    expected = -(1 / 8 * math.log(1 / 8) + 1 / 4 * math.log(1 / 4) + 5 / 8 * math.log(5 / 8))
    assert entropy(logits)[0] == pytest.approx(expected, rel=1e-15)


def test_a_masked_class_has_no_mass_and_adds_no_entropy():
    logits = np.array([0.0, 0.0, -np.inf])
    assert softmax(logits).tolist() == [0.5, 0.5, 0.0]
    assert log_softmax(logits)[2] == -np.inf
    assert entropy(logits) == pytest.approx(math.log(2), rel=1e-15)


@pytest.mark.parametrize("row", UNDEFINED)
def test_an_undefined_row_is_nan_and_spoils_no_other(row):
    logits = np.array([row, [0.0, 0.0, 0.0]])
    for values in (softmax(logits), log_softmax(logits), entropy(logits)):
        assert np.isnan(values[0]).all()
        assert np.isfinite(values[1]).all()


def test_extreme_logits():
    logits = np.array([[1e4, -1e4], [1e300, -1e300], [1e4, 1e4]])
    assert entropy(logits).tolist() == pytest.approx([0, 0, math.log(2)], abs=1e-16)
    assert not np.signbit(entropy(logits)).any()
    assert log_softmax(logits)[0].tolist() == [0.0, -2e4]


def test_uniform_rows_have_the_entropy_of_all_classes():
    assert entropy(np.zeros((2, 3, 100))) == pytest.approx(math.log(100), rel=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_float_gives_float64(dtype):
    logits = np.arange(6, dtype=dtype).reshape(2, 3)
    for function in (softmax, log_softmax, entropy):
        assert function(logits).dtype == np.float64
        assert np.array_equal(function(logits), function(logits.astype(np.float64)))


@pytest.mark.parametrize("function", [softmax, log_softmax, entropy])
def test_bad_input(function):
    with pytest.raises(ValueError, match="logits must be a floating-point array, got dtype int"):
        function(np.arange(3))
    with pytest.raises(ValueError, match=r"logits must .* at least one .* got shape \(2, 0\)"):
        function(np.zeros((2, 0)))
    with pytest.raises(ValueError, match=r"got shape \(\)"):
        function(np.float64(1))
