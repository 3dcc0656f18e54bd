"""At which exit a sample leaves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from erde_core import exit_indices

ENTROPIES = arrays.arrays(
    np.float64,
    st.tuples(st.integers(0, 6), st.integers(1, 4)),
    elements=st.sampled_from((0.0, 0.25, 0.5, 0.75, 1.0, np.nan)),
)


def leaves_by_definition(entropy, thresholds):
    exits = []
    for row in entropy:
        early = [e for e, h in enumerate(row[:-1]) if h < thresholds[e]]
        exits.append(early[0] if early else len(row) - 1)
    return exits


def test_by_hand():
    entropy = np.array([[0.1, 0.0, 0.0], [0.6, 0.2, 0.0], [0.6, 0.5, 0.9], [0.5, 0.5, 0.0]])
    assert exit_indices(entropy, 0.5).tolist() == [0, 1, 2, 2]
    assert exit_indices(entropy, [0.7, 0.1]).tolist() == [0, 0, 0, 0]
    assert exit_indices(entropy, [0.1, 0.3]).tolist() == [1, 1, 2, 2]


def test_strictly_below():
    entropy = np.array([[0.5, 0.0]])
    assert exit_indices(entropy, 0.5).item() == 1
    assert exit_indices(entropy, np.nextafter(0.5, 1)).item() == 0
    assert exit_indices(np.array([[0.0, 0.0]]), 0).item() == 1


def test_compared_in_float64():
    entropy = np.array([[0.1, 0.0]], dtype=np.float32)  # 0.1 + 1.5e-9
    assert exit_indices(entropy, 0.1 + 1e-9).item() == 1
    assert exit_indices(entropy, 0.1 + 2e-9).item() == 0


def test_nan_never_leaves_and_the_last_entropy_never_matters():
    entropy = np.array([[np.nan, 0.2, np.nan], [np.nan, np.nan, 0.0]])
    assert exit_indices(entropy, np.inf).tolist() == [1, 2]


def test_awkward_input():
    assert exit_indices(np.zeros((0, 4)), 0.5).tolist() == []
    assert exit_indices(np.zeros((3, 1)), 0.5).tolist() == [0, 0, 0]
    entropy = np.asfortranarray(np.array([[0.9, 0.1, 0.3], [0.1, 0.9, 0.2]], dtype=np.float16))
    entropy.flags.writeable = False
    assert exit_indices(entropy[:, ::-1], 0.25).tolist() == [1, 0]
    assert exit_indices(entropy, 0.25).dtype == np.int64


@given(ENTROPIES, st.data())
def test_definition(entropy, data):
    level = st.sampled_from((0.0, 0.25, 0.3, 0.75, 2.0))
    count = entropy.shape[1] - 1
    thresholds = data.draw(st.lists(level, min_size=count, max_size=count))
    assert exit_indices(entropy, thresholds).tolist() == leaves_by_definition(entropy, thresholds)


@given(ENTROPIES, st.floats(0, 2), st.floats(0, 2))
def test_a_higher_threshold_never_makes_a_sample_leave_later(entropy, one, other):
    low, high = sorted((one, other))
    assert (exit_indices(entropy, high) <= exit_indices(entropy, low)).all()


def test_thresholds_may_be_of_any_number_type():
    entropy = np.array([[0.5, 0.0]])
    for threshold in (1, 1.0, np.float32(1), [1], np.array([1.0])):
        assert exit_indices(entropy, threshold).item() == 0
    with pytest.raises(ValueError, match="thresholds must be numbers, got 'high'"):
        exit_indices(entropy, "high")
