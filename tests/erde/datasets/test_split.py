import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erde.datasets.images import DatasetError
from erde.datasets.split import hold_out

LABELS = np.repeat([0, 1, 2, 3], [50, 30, 17, 3])


@given(st.integers(1, 97), st.integers(0, 2**32))
def test_every_class_gives_its_share(count, seed):
    try:
        train, val = hold_out(LABELS, count, seed)
    except DatasetError:
        assert count > 60  # the class of 3 images vanishes only when about all are asked for
        return
    assert len(val) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([train, val])), np.arange(100))
    exact = np.bincount(LABELS) * count / 100
    taken = np.bincount(LABELS[val], minlength=4)
    assert (np.abs(taken - exact) < 1).all()
    assert (np.diff(train) > 0).all()
    assert (np.diff(val) > 0).all()


def test_the_largest_remainders_are_rounded_up():
    # 10 of 100: exact shares 5.0, 3.0, 1.7, 0.3
    _, val = hold_out(LABELS, 10, seed=0)
    assert np.bincount(LABELS[val], minlength=4).tolist() == [5, 3, 2, 0]


def test_the_seed_alone_decides():
    first, again, other = (hold_out(LABELS, 20, seed)[1].tolist() for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_the_choice_never_changes():
    """The held-out images are part of an experiment's identity: a new release keeps them."""
    assert hold_out(np.tile([0, 1], 10), 4, seed=0)[1].tolist() == [2, 3, 11, 18]


def test_images_of_a_class_are_chosen_at_random():
    _, val = hold_out(np.zeros(1000, int), 500, seed=0)
    assert 400 < np.median(val) < 600
    assert len(set(np.diff(val))) > 3


@pytest.mark.parametrize("count", [0, -1, 100, 101])
def test_count_out_of_range(count):
    with pytest.raises(DatasetError, match=rf"1 … 99 of 100 training images, got {count}"):
        hold_out(LABELS, count, 0)


def test_no_class_may_vanish_from_train():
    with pytest.raises(DatasetError, match="takes all 1 of class 1"):
        hold_out([0, 0, 0, 0, 0, 1], 4, 0)


def test_a_class_without_images_is_no_reason_to_stop():
    train, val = hold_out([0, 0, 2, 2], 2, 0)
    assert len(train) == len(val) == 2
