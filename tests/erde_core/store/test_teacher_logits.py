import dataclasses

import h5py
import numpy as np
import pytest

from erde_core.store.files import StoreError
from erde_core.store.teacher_logits import CacheIdentity, read_teacher_logits, verify_content

from .conftest import IDENTITY, VIEWS, write_teacher_logits

FIELDS = [field.name for field in dataclasses.fields(CacheIdentity)]


@pytest.fixture
def path(tmp_path, teacher_views):
    write_teacher_logits(tmp_path / "cache.h5", teacher_views)
    return tmp_path / "cache.h5"


def test_round_trip(path, teacher_views):
    cache = read_teacher_logits(path, **dataclasses.asdict(IDENTITY))
    np.testing.assert_array_equal(cache.logits, teacher_views[0])
    assert cache.logits.dtype == np.float16
    np.testing.assert_array_equal(cache.views, VIEWS)
    assert cache.identity == IDENTITY
    np.testing.assert_array_equal(cache.wrong_on_train, np.array([3, 1]) / 10)  # 2 views × 5 images
    np.testing.assert_array_equal(cache.wrong_on_val, [0.25, 0.125])
    verify_content(cache, path)


def test_logits_are_a_read_only_map(path):
    logits = read_teacher_logits(path).logits
    assert isinstance(logits, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        logits[0, 0, 0, 0] = 1


def test_h5py_reads_the_same(path, teacher_views):
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["logits"], teacher_views[0])
        assert file["logits"].chunks is None


@pytest.mark.parametrize("field", FIELDS)
def test_reader_refuses_what_was_made_otherwise(path, field):
    with pytest.raises(StoreError, match=f"cache.h5: made with another {field}: must be other, "):
        read_teacher_logits(path, **{field: "other"})


def test_a_damaged_logit_is_found_by_its_hash(path):
    """Reading alone cannot afford to hash gigabytes; ``verify_content`` does."""
    with h5py.File(path, "r+") as file:
        file["logits"][1, 4, 1, 2] += 1
    cache = read_teacher_logits(path)
    with pytest.raises(StoreError, match="content must have SHA-256"):
        verify_content(cache, path)


def test_views_in_another_order_are_other_content(tmp_path, teacher_views):
    logits, wrong = teacher_views
    write_teacher_logits(tmp_path / "a.h5", (logits, wrong))
    write_teacher_logits(tmp_path / "b.h5", (logits[::-1], wrong[::-1]))
    hashes = [read_teacher_logits(tmp_path / name).sha256 for name in ("a.h5", "b.h5")]
    assert hashes[0] != hashes[1]
