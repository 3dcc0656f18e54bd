import numpy as np
import torch

from erde_core.store.teacher_logits import TeacherLogits
from erde_torch.training.teacher_answers import CachedTeacher, OnlineTeacher

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
