import numpy as np
import pytest

from erde_core.folds import fold_of_samples


def test_classes_stay_in_proportion():
    labels = np.repeat([0, 1, 2], [10, 7, 30])
    folds = fold_of_samples(labels, np.arange(47), 3)
    for label in range(3):
        counts = np.bincount(folds[labels == label], minlength=3)
        assert counts.max() - counts.min() <= 1


def test_a_group_is_never_split():
    rng = np.random.default_rng(0)
    labels, groups = np.repeat([0, 1], 50), np.repeat(np.arange(20), 5)
    order = rng.permutation(100)
    folds = fold_of_samples(labels[order], groups[order], 4)
    for group in range(20):
        assert len(set(folds[groups[order] == group])) == 1
    assert set(folds) == {0, 1, 2, 3}


def test_a_group_of_several_classes_is_never_split_either():
    """As all photographs of one camera: else its teacher has seen what it is asked about."""
    labels, groups = np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.array([0, 1, 2, 3, 1, 2, 3, 4])
    folds = fold_of_samples(labels, groups, 2)
    assert folds.tolist() == [0, 1, 0, 1, 1, 0, 1, 0]
    rng = np.random.default_rng(1)
    labels, groups = rng.integers(0, 7, 400), rng.integers(0, 60, 400)
    folds = fold_of_samples(labels, groups, 3)
    assert all(len(set(folds[groups == group])) == 1 for group in range(60))
    assert np.bincount(folds).min() > 90


def test_folds_depend_on_labels_and_groups_alone():
    labels, groups = np.array([0, 1, 0, 1, 0, 1]), np.array([5, 9, 5, 3, 2, 3])
    assert fold_of_samples(labels, groups, 2).tolist() == [1, 1, 1, 0, 0, 0]


def test_one_fold_holds_everything():
    assert not fold_of_samples(np.array([0, 0, 1]), np.arange(3), 1).any()


def test_too_few_independent_images():
    labels, groups = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 3, 3, 4])
    with pytest.raises(ValueError, match=r"folds must be at most 2, .* of class 1, got 3"):
        fold_of_samples(labels, groups, 3)
