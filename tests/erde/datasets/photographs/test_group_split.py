"""Whole groups are held out, large ones as often as small ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erde.datasets.images import DatasetError
from erde.datasets.photographs.group_split import hold_out_groups
from erde.datasets.split import hold_out

SEEDS = 200


def grouped(classes, sizes):
    """Labels and groups of ``classes`` classes with groups of these sizes each."""
    labels = np.repeat(np.arange(classes), sum(sizes))
    return labels, np.repeat(np.arange(classes * len(sizes)), sizes * classes)


def of_two_classes():
    """400 groups of 1 to 20 images, each of two of six classes."""
    rng = np.random.default_rng(1)
    size = rng.integers(1, 21, 400)
    first, step = rng.integers(0, 6, 400), rng.integers(1, 6, 400)
    group = np.repeat(np.arange(400), size)
    other = rng.random(len(group)) < 0.4
    return (first[group] + other * step[group]) % 6, group


MIXES = {  # labels, groups, and the images to hold out
    "half in bursts": (*grouped(10, [1] * 150 + [30] * 5), 300),
    "few bursts among singles": (*grouped(10, [1] * 450 + [50]), 500),
    "of equal size": (*grouped(10, [5] * 40), 200),
    "no two alike": (*grouped(20, list(range(82, 120, 4))), 2000),
    "hardly any single": (*grouped(5, [1] * 10 + [30] * 20), 313),
    "one huge": (*grouped(1, [1] * 900 + [100]), 250),
    "pairs and a huge one in each class": (*grouped(10, [2] * 9 + [100]), 118),
    "two classes": (*of_two_classes(), 400),
    "half of all": (*grouped(10, [1] * 150 + [30] * 5), 1500),
}


@pytest.mark.parametrize("name", MIXES)
def test_a_group_is_held_out_as_often_whatever_its_size(name):
    """The groups of each size, over all seeds: 4.5 standard deviations of independent draws."""
    labels, group, count = MIXES[name]
    _, first, size = np.unique(group, return_index=True, return_counts=True)
    held = np.zeros(len(size))
    for seed in range(SEEDS):
        held += np.isin(first, hold_out_groups(labels, group, count, seed)[1])
    chance = count / len(labels)
    for one in np.unique(size):
        draws = SEEDS * (size == one).sum()
        deviation = np.sqrt(chance * (1 - chance) / draws)
        assert abs(held[size == one].sum() / draws - chance) < 4.5 * deviation, one


@pytest.mark.parametrize("name", MIXES)
def test_about_as_many_as_asked_in_whole_groups_and_no_class_vanishes(name):
    labels, group, count = MIXES[name]
    number, sizes = [], np.bincount(group)
    for seed in range(SEEDS):
        train, val = hold_out_groups(labels, group, count, seed)
        np.testing.assert_array_equal(np.sort(np.r_[train, val]), np.arange(len(labels)))
        assert (np.diff(train) > 0).all()
        assert (np.diff(val) > 0).all()
        assert not set(group[train]) & set(group[val])
        assert set(labels[train]) == set(labels)
        number.append(len(val))
    assert np.abs(np.array(number) - count).max() < 3 * sizes.max()
    deviation = np.std(number) / np.sqrt(SEEDS)
    assert abs(np.mean(number) - count) < 4.5 * deviation + 0.5


def test_bursts_are_half_of_validation_where_they_are_half_of_the_images():
    labels, group, count = MIXES["half in bursts"]
    sizes = np.bincount(group)
    for seed in range(20):
        _, val = hold_out_groups(labels, group, count, seed)
        assert len(val) == 300
        assert (sizes[group[val]] > 1).mean() == 0.5
        singles = val[sizes[group[val]] == 1]
        assert np.bincount(labels[singles]).tolist() == [15] * 10


def test_groups_of_one_image_are_held_out_as_images_are():
    """And as they always were: the images belong to an experiment's identity."""
    labels = np.repeat([0, 1, 2, 3], [50, 30, 17, 3])
    for seed in range(20):
        for mine, wanted in zip(
            hold_out_groups(labels, np.arange(7, 107), 20, seed),
            hold_out(labels, 20, seed),
            strict=True,
        ):
            np.testing.assert_array_equal(mine, wanted)
    labels, group = np.tile([0, 1], 10), np.arange(20)[::-1] * 3
    assert hold_out_groups(labels, group, 4, 0)[1].tolist() == OF_ONE_IMAGE


OF_ONE_IMAGE = [1, 8, 16, 17]  # of the rule before the one that draws groups


def test_the_choice_never_changes():
    labels, group = grouped(2, [1, 1, 1, 1, 2, 2, 3])
    assert hold_out_groups(labels, group, 7, 0)[1].tolist() == [3, 4, 5, 12, 19, 20, 21]


def test_the_seed_alone_decides():
    labels, group, count = MIXES["two classes"]
    first, again, other = (hold_out_groups(labels, group, count, s)[1].tolist() for s in (3, 3, 4))
    assert first == again
    assert first != other


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=2), st.data())
def test_any_groups(images, data):
    labels, group = np.array(images).T
    count = data.draw(st.integers(1, len(labels) - 1))
    try:
        train, val = hold_out_groups(labels, group, count, data.draw(st.integers(0, 9)))
    except DatasetError:
        return
    assert len(val)
    assert not set(group[train]) & set(group[val])
    assert set(labels[train]) == set(labels)
    assert np.bincount(group[val]).max() <= count


def test_a_group_with_all_images_of_a_class_or_more_than_asked_stays_in_train():
    labels, group = np.r_[np.zeros(20, int), np.ones(5, int)], np.r_[np.arange(20), [20] * 5]
    for seed in range(20):
        _, val = hold_out_groups(labels, group, 10, seed)
        assert len(val) == 10
        assert not labels[val].any()
    labels, group = np.zeros(100, int), np.r_[np.arange(50), [50] * 50]
    assert all(len(hold_out_groups(labels, group, 20, seed)[1]) == 20 for seed in range(20))


def test_groups_that_all_are_larger_than_asked():
    labels, group = grouped(2, [5, 5])
    with pytest.raises(DatasetError, match=r"must take 4 images in whole groups, got none that f"):
        hold_out_groups(labels, group, 4, 0)
    with pytest.raises(DatasetError, match=r"1 … 19 of 20 training images, got 20"):
        hold_out_groups(labels, group, 20, 0)
