import h5py
import numpy as np
import pytest
import torch

from erde_core.store.files import StoreError
from erde_core.store.teacher_logits import CacheIdentity, TeacherLogits, read_teacher_logits
from erde_core.store.teacher_logits_writer import TeacherLogitsWriter
from erde_torch.training.processes import Processes
from erde_torch.training.teacher_answers import CachedTeacher, OnlineTeacher, open_cache
from tests.hosts import own_host

CPU = torch.device("cpu")


def test_cached_rows_are_those_of_view_and_sample():
    """3 views of 5 samples: a transposed index would fall outside, or name another row."""
    logits = np.arange(3 * 5 * 2 * 4, dtype=np.float16).reshape(3, 5, 2, 4)
    rows = CachedTeacher(TeacherLogits(logits, None, None, None, None, ""), CPU)
    samples, views = np.array([4, 0, 4, 1]), np.array([2, 1, 0, 1])
    found = rows(samples, views)
    assert found.dtype == torch.float16
    for row, sample, view in zip(found, samples, views, strict=True):
        np.testing.assert_array_equal(row, logits[view, sample])


@pytest.fixture
def cache(tmp_path):
    logits = np.random.default_rng(0).normal(size=(3, 50, 2, 4)).astype(np.float16)
    identity = CacheIdentity(*["same"] * 8)
    writer = TeacherLogitsWriter(tmp_path / "making", logits.shape, np.zeros((3, 3)), identity)
    for view in range(3):
        writer.write_view(view, logits[view], np.zeros(2, np.int64))
    writer.finish(tmp_path / "cache.h5", np.zeros(2))
    return tmp_path / "cache.h5", logits


def test_a_cache_is_opened_whole(cache, tmp_path):
    path, logits = cache
    rows, sha256 = open_cache(path, own_host(tmp_path), 2, dataset="same")
    assert sha256 == read_teacher_logits(path).sha256
    found = rows(np.array([7, 49]), np.array([0, 2]))
    np.testing.assert_array_equal(found, logits[[0, 2], [7, 49]])
    with pytest.raises(StoreError, match="made with another dataset"):
        open_cache(path, own_host(tmp_path), 1, dataset="other")


def test_a_cache_with_flipped_signs_is_refused_before_it_is_read(cache, tmp_path):
    path, _ = cache
    with h5py.File(path, "r+") as file:
        file["logits"][1, :40] *= -1
    read_teacher_logits(path)  # a look at its header finds nothing
    with pytest.raises(StoreError, match=r"content must have SHA-256 .* the file is damaged"):
        open_cache(path, own_host(tmp_path), 1)


class Second(Processes):
    """A process whose first one has looked already."""

    def wait(self):
        """Nobody is there."""


def test_of_several_processes_the_first_one_looks(cache, tmp_path):
    path, _ = cache
    with h5py.File(path, "r+") as file:
        file["logits"][1, :40] *= -1
    open_cache(path, own_host(tmp_path, processes=Second(2, 1)), 1)
    with pytest.raises(StoreError, match="damaged"):
        open_cache(path, own_host(tmp_path, processes=Second(2, 0)), 1)


def test_online_teacher_answers_in_eval_mode_without_gradients(make_network):
    network = make_network()
    images = torch.randn(4, 3, 16, 16)
    wanted = network(images)
    statistics = network.stem[1].running_mean.clone()
    found = OnlineTeacher(network.train(), "float32", CPU)(images.requires_grad_())
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert not found.requires_grad
    assert torch.equal(network.stem[1].running_mean, statistics)


def test_online_teacher_in_bf16_answers_in_float32(make_network):
    network, images = make_network(), torch.randn(4, 3, 16, 16)
    found = OnlineTeacher(network, "bf16", CPU)(images)
    assert found.dtype == torch.float32
    assert not torch.equal(found, network(images))
