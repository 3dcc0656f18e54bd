import dataclasses

import numpy as np
import pytest
import torch

from erde_core.store.files import StoreError
from erde_core.store.teacher_logits import read_teacher_logits
from erde_torch.device import choose_precision
from erde_torch.teacher_cache.fill import build_cache
from erde_torch.teacher_cache.verify import ROWS, verify_cache
from erde_torch.training.settings import AugmentSettings

CPU = torch.device("cpu")


@pytest.fixture
def build(tiny_dataset, tiny_hash, augment, environment, tmp_path):
    def make(teachers, precision="float32", views=None):
        path = tmp_path / "cache.h5"
        asked = tiny_dataset, tiny_hash, teachers, augment, views, precision
        build_cache(path, *asked, environment())
        return read_teacher_logits(path)

    return make


@pytest.fixture
def verify(tiny_dataset, tiny_hash, augment):
    def run(cache, teachers, dataset=tiny_dataset, dataset_hash=tiny_hash, augment=augment):
        return verify_cache(cache, dataset, dataset_hash, teachers, augment, CPU)

    return run


def precisions():
    able = choose_precision("auto", CPU) == "bf16"
    reason = "this processor has no bf16 instructions"
    return ["float32", pytest.param("bf16", marks=pytest.mark.skipif(not able, reason=reason))]


@pytest.mark.parametrize("precision", precisions())
@pytest.mark.parametrize("folds", [1, 2])
def test_a_right_cache_passes(build, verify, make_network, folds, precision):
    teachers = [make_network(seed) for seed in range(folds)]
    cache = build(teachers, precision)
    found = verify(cache, teachers)
    assert found["rows"] == ROWS
    assert found["precision"] == precision
    assert found["sha256"] == cache.sha256
    assert found["largest"] < 0.1


def test_a_subset_of_views_passes(build, verify, make_network):
    assert verify(build([make_network()], views=4), [make_network()])["rows"] == ROWS


def changed(cache, share, change):
    """``cache`` with ``change`` done to a random share of its rows."""
    logits = np.array(cache.logits)
    rows = np.random.default_rng(0).random(logits.shape[:2]) < share
    logits[rows] = change(logits[rows])
    return dataclasses.replace(cache, logits=logits)


DAMAGE = {
    "one logit of a row": lambda rows: rows + 0.5 * (np.arange(10) == 3).astype(np.float16),
    "exits swapped": lambda rows: rows[:, ::-1],
    "not a number": lambda rows: rows * np.float16("nan"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_tenth_of_the_rows_wrong_is_found(build, verify, make_network, case):
    """Not finding one of them in 256 has probability 2e-12."""
    cache = changed(build([make_network()]), 0.1, DAMAGE[case])
    with pytest.raises(StoreError, match=r"cached logits must agree with their teacher to 0\.004"):
        verify(cache, [make_network()])


@pytest.fixture
def far(make_network):
    """A teacher whose second exit answers around -20,000."""
    network = make_network()
    with torch.no_grad():
        network.heads[1][-1].bias -= 20_000
    return network


def test_a_cache_of_answers_far_from_0_passes(build, verify, far):
    assert verify(build([far]), [far])["largest"] < 0.1


def test_a_precision_that_is_lost_far_from_0_is_found(build, verify, far):
    """float16 of the plain answers has steps of 16 there."""
    cache = build([far])
    plain = np.array(cache.logits)
    plain[:, :, 1] -= np.float16(20_000)
    with pytest.raises(StoreError, match="cached logits must agree with their teacher"):
        verify(dataclasses.replace(cache, logits=plain), [far])


def test_views_out_of_order_are_found(build, verify, make_network):
    cache = build([make_network()])
    shifted = dataclasses.replace(cache, logits=np.roll(cache.logits, 1, axis=0))
    with pytest.raises(StoreError, match="cached logits must agree"):
        verify(shifted, [make_network()])


def test_folds_out_of_order_are_found(build, verify, make_network):
    teachers = [make_network(seed) for seed in range(2)]
    cache = build(teachers)
    text = build(teachers[::-1]).identity.teacher
    renamed = dataclasses.replace(cache, identity=dataclasses.replace(cache.identity, teacher=text))
    with pytest.raises(StoreError, match="cached logits must agree"):
        verify(renamed, teachers[::-1])


def test_what_differs_is_named(build, verify, make_network, tiny_dataset):
    cache, network = build([make_network()]), make_network()
    other_mean = dataclasses.replace(tiny_dataset, mean=(0.1, 0.2, 0.3))
    cases = {
        "teacher": {"teachers": [make_network(1)]},
        "dataset": {"dataset_hash": "other"},
        "normalisation": {"dataset": other_mean},
        "pad_mode": {"augment": AugmentSettings(pad=1, flip=True, pad_mode="reflect")},
        "views": {"augment": AugmentSettings(pad=2, flip=True)},
    }
    for field, given in cases.items():
        with pytest.raises(StoreError, match=f"the cache was made with another {field}: must be "):
            verify(cache, **{"teachers": [network]} | given)
