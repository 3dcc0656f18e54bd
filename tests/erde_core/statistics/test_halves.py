"""The halves keep groups whole, classes in proportion, and depend on nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erde_core.statistics.halves import LEAST_GROUPS, validation_halves


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.integers(LEAST_GROUPS, 700), st.integers(1, 20))
def test_groups_stay_whole_and_classes_in_proportion(seed, groups, classes):
    rng = np.random.default_rng(seed)
    of_group = rng.integers(0, classes, groups)
    group = rng.permutation(np.repeat(np.arange(groups), rng.integers(1, 4, groups)))
    halves = validation_halves(of_group[group], group * 7 - 3)
    first = np.unique(group, return_index=True)[1]
    in_fit = halves.fit[first]
    assert np.array_equal(halves.fit, in_fit[group])
    assert np.array_equal(halves.rest, ~halves.fit)
    assert abs(2 * in_fit.sum() - groups) <= 1
    for label in range(classes):
        mine = in_fit[of_group == label]
        assert abs(2 * mine.sum() - len(mine)) <= 1


def test_the_same_images_are_dealt_alike_and_not_in_the_order_of_the_file():
    labels, group = np.repeat(np.arange(4), 60), np.arange(240)
    fit = validation_halves(labels, group).fit
    assert np.array_equal(fit, validation_halves(labels, group + 5).fit)
    inside = fit[:60]
    assert 0 < inside[:30].sum() < 30
    assert not np.array_equal(inside[::2], ~inside[1::2])


def test_a_group_of_two_classes_counts_as_its_first():
    labels, group = np.arange(400) % 2, np.arange(400) // 2
    fit = validation_halves(labels, group).fit
    assert np.array_equal(fit[::2], fit[1::2])


def test_bad_input_is_named():
    with pytest.raises(
        ValueError, match=r"must be at least 200 to fit a score on one half .* got 199"
    ):
        validation_halves(np.zeros(398), np.arange(398) // 2)
    with pytest.raises(
        ValueError, match=r"group must have the shape of labels, got \(3,\) and \(4,\)"
    ):
        validation_halves(np.zeros(4), np.zeros(3))
