"""The orbit of views and the draws from it."""

import numpy as np
import pytest

from erde_core.views import all_views, chosen_views, sample_order, view_of_samples


@pytest.mark.parametrize(
    ("pad", "flip", "size"), [(4, True, 162), (4, False, 81), (2, False, 25), (0, False, 1)]
)
def test_the_orbit(pad, flip, size):
    views = all_views(pad, flip)
    assert views.shape == (size, 3)
    assert views.dtype == np.int64
    assert views[0].tolist() == [0, 0, 0]
    assert len(np.unique(views, axis=0)) == size
    assert (views[:, :2].min(), views[:, :2].max()) == (-pad, pad)
    assert set(views[:, 2]) == ({0, 1} if flip else {0})


def test_the_first_views_are_the_mildest():
    assert all_views(1, True)[:4].tolist() == [[0, 0, 0], [0, 0, 1], [0, -1, 0], [0, -1, 1]]


def test_a_subset_is_fixed_contains_the_identity_and_grows():
    views = all_views(4, True)
    few, more = chosen_views(4, True, 3), chosen_views(4, True, 40)
    assert few.tolist() == [[0, 0, 0], *GOLDEN_SUBSET]
    assert more[0].tolist() == [0, 0, 0]
    assert {tuple(view) for view in few} <= {tuple(view) for view in more}
    assert len(np.unique(more, axis=0)) == 40
    assert np.array_equal(chosen_views(4, True, None), views)
    assert np.array_equal(chosen_views(4, True, 162), views)
    assert chosen_views(4, True, 1).tolist() == [[0, 0, 0]]


def test_draws_are_a_pure_function_of_seed_epoch_and_sample():
    draws = view_of_samples(seed=3, epoch=5, samples=1000, views=162)
    assert np.array_equal(draws, view_of_samples(3, 5, 1000, 162))
    assert np.array_equal(draws[:17], view_of_samples(3, 5, 17, 162))
    for seed, epoch in ((4, 5), (3, 6), (5, 3)):
        assert (draws == view_of_samples(seed, epoch, 1000, 162)).mean() < 0.03


def test_draws_are_uniform():
    draws = np.concatenate([view_of_samples(0, epoch, 5000, 25) for epoch in range(10)])
    counts = np.bincount(draws, minlength=25)
    assert len(counts) == 25
    chi_square = ((counts - 2000) ** 2 / 2000).sum()
    assert 5 < chi_square < 60  # 24 degrees of freedom: outside with probability 1e-4
    assert view_of_samples(0, 0, 50, 1).tolist() == [0] * 50


def test_the_order_is_a_permutation_that_changes_from_epoch_to_epoch():
    order = sample_order(seed=1, epoch=2, samples=500)
    assert np.array_equal(np.sort(order), np.arange(500))
    assert np.array_equal(order, sample_order(1, 2, 500))
    assert (order == sample_order(1, 3, 500)).mean() < 0.05
    assert (order == sample_order(2, 2, 500)).mean() < 0.05
    assert sample_order(0, 0, 0).tolist() == []


def test_order_and_views_are_independent_streams():
    views = view_of_samples(7, 0, 2000, 2000)
    assert abs(np.corrcoef(views, np.argsort(sample_order(7, 0, 2000)))[0, 1]) < 0.1


def test_golden_values():
    """A cache or a checkpoint made before a change of these is worthless after it."""
    assert view_of_samples(0, 0, 6, 162).tolist() == GOLDEN_VIEWS
    assert view_of_samples(1, 2, 6, 162).tolist() == GOLDEN_LATER_VIEWS
    assert sample_order(0, 1, 8).tolist() == GOLDEN_ORDER


def test_bad_input():
    with pytest.raises(ValueError, match="pad must be >= 0, got -1"):
        all_views(-1, False)
    for count in (0, 26):
        with pytest.raises(ValueError, match=rf"count must lie in 1 … 25 .* got {count}"):
            chosen_views(2, False, count)
    with pytest.raises(ValueError, match="views must be >= 1, got 0"):
        view_of_samples(0, 0, 5, 0)
    for name, arguments in {"seed": (-1, 0, 5), "epoch": (0, -1, 5), "samples": (0, 0, -5)}.items():
        with pytest.raises(ValueError, match=f"{name} must be >= 0, got -"):
            sample_order(*arguments)
        with pytest.raises(ValueError, match=f"{name} must be >= 0, got -"):
            view_of_samples(*arguments, 5)


GOLDEN_SUBSET = [[1, 2, 0], [2, -2, 1]]
GOLDEN_VIEWS = [49, 137, 25, 5, 145, 8]
GOLDEN_LATER_VIEWS = [159, 6, 161, 121, 109, 19]
GOLDEN_ORDER = [6, 0, 5, 4, 3, 7, 1, 2]
