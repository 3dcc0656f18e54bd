import numpy as np
import pytest
from sklearn.datasets import load_digits

from erde.datasets import digits
from erde.datasets.digits import TEST_IMAGES, VAL_IMAGES, make_digits
from erde.datasets.images import DatasetError

SPLITS = ("train", "val", "test")
POOL = 1797 - VAL_IMAGES - TEST_IMAGES


@pytest.fixture(scope="module")
def dataset():
    return make_digits(train_images=POOL + 100, canvas=16, seed=5)


def test_sizes(dataset):
    assert [len(getattr(dataset, s)) for s in SPLITS] == [POOL + 100, VAL_IMAGES, TEST_IMAGES]
    assert dataset.train.images.shape[1:] == (16, 16, 3)
    assert dataset.class_names == tuple("0123456789")


def test_every_image_is_a_real_digit(dataset):
    target = load_digits().target
    for name in SPLITS:
        split = getattr(dataset, name)
        np.testing.assert_array_equal(split.labels, target[split.group])


def test_no_source_is_shared_and_none_is_left_out(dataset):
    sources = [set(getattr(dataset, name).group.tolist()) for name in SPLITS]
    assert sum(len(s) for s in sources) == len(set.union(*sources)) == 1797


def test_val_and_test_digits_are_targets_once(dataset):
    for split in (dataset.val, dataset.test):
        assert len(np.unique(split.group)) == len(split)


def test_train_digits_come_again_in_turn(dataset):
    times = np.unique(dataset.train.group, return_counts=True)[1]
    assert np.bincount(times).tolist() == [0, POOL - 100, 100]


def test_a_digit_that_comes_again_is_composed_anew(dataset):
    again = np.flatnonzero(dataset.train.group == dataset.train.group[0])
    assert len(again) == 2
    first, second = dataset.train.images[again].astype(int)
    assert np.abs(first - second).mean() > 5


def test_pools_are_stratified(dataset):
    share = np.bincount(load_digits().target) / 1797
    for split in (dataset.val, dataset.test):
        assert (np.abs(np.bincount(split.labels) - share * len(split)) < 1.5).all()


def test_fragments_come_from_the_targets_pool(dataset, monkeypatch):
    pools = []
    compose = digits.compose

    def spy(sources, targets, *rest):
        pools.append({source.tobytes() for source in sources})
        assert len(sources) in (POOL, VAL_IMAGES, TEST_IMAGES)
        return compose(sources, targets, *rest)

    monkeypatch.setattr(digits, "compose", spy)
    make_digits(train_images=POOL, canvas=16, seed=5)
    assert not pools[0] & pools[1]
    assert not pools[0] & pools[2]
    assert not pools[1] & pools[2]


def test_the_arguments_alone_decide(dataset):
    again = make_digits(train_images=POOL + 100, canvas=16, seed=5)
    other = make_digits(train_images=POOL + 100, canvas=16, seed=6)
    for name in SPLITS:
        np.testing.assert_array_equal(getattr(again, name).images, getattr(dataset, name).images)
        assert set(getattr(other, name).group) != set(getattr(dataset, name).group)


def test_val_and_test_do_not_depend_on_the_number_of_train_images(dataset):
    fewer = make_digits(train_images=200, canvas=16, seed=5)
    np.testing.assert_array_equal(fewer.val.images, dataset.val.images)
    np.testing.assert_array_equal(fewer.test.images, dataset.test.images)


@pytest.fixture
def drawn(monkeypatch):
    """The difficulties of each split that is made."""
    drawn = []
    compose = digits.compose

    def spy(sources, targets, difficulty, *rest):
        drawn.append(difficulty)
        return compose(sources, targets, difficulty, *rest)

    monkeypatch.setattr(digits, "compose", spy)
    return drawn


def test_the_seed_changes_compositions_and_not_only_the_pools(drawn):
    for seed in (0, 1):
        make_digits(train_images=100, canvas=16, seed=seed)
    assert not set(np.concatenate(drawn[:3])) & set(np.concatenate(drawn[3:]))
    assert not set(drawn[0]) & set(drawn[1])


def test_difficulty_is_drawn_between_its_ends(drawn):
    make_digits(canvas=16, difficulty=(0.2, 0.6))
    for difficulty in drawn:
        assert 0.2 <= difficulty.min() < 0.22
        assert 0.58 < difficulty.max() <= 0.6
        assert abs(difficulty.mean() - 0.4) < 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_images": 4001}, "train_images must lie in 1 … 4000, got 4001"),
        ({"train_images": 0}, "train_images must lie in 1 … 4000, got 0"),
        ({"canvas": 15}, "canvas must lie in 16 … 64 pixels, got 15"),
        ({"canvas": 65}, "got 65"),
        ({"seed": -1}, "seed must be >= 0, got -1"),
        ({"difficulty": (0.5, 0.4)}, r"0 <= lo <= hi <= 1, got \(0.5, 0.4\)"),
        ({"difficulty": (0, 1.1)}, r"got \(0, 1.1\)"),
        ({"train_images": 2}, "train must hold every class"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(DatasetError, match=message):
        make_digits(**({"canvas": 16} | options))
