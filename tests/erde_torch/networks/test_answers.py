import numpy as np
import pytest
import torch

from erde_core.views import all_views
from erde_torch.networks import answers as forward
from erde_torch.networks.answers import exit_accuracy, view_logits
from erde_torch.networks.viewed_images import ViewedImages

CPU = torch.device("cpu")


@pytest.fixture
def images(tiny_dataset):
    train, statistics = tiny_dataset.train, (tiny_dataset.mean, tiny_dataset.std)
    return ViewedImages(train.images, all_views(1, True), *statistics, "zero", CPU)


def test_logits_are_the_networks_in_any_chunks(make_network, images, monkeypatch):
    network, samples = make_network().train(), torch.tensor([5, 3, 119, 0, 7])
    monkeypatch.setattr(forward, "_BATCH", 2)  # two whole chunks and a rest
    found = view_logits(network, images, samples, 4, "float32")
    assert not network.training
    assert not found.requires_grad
    for row, sample in zip(found, samples, strict=True):
        alone = network(images.batch(sample[None], torch.tensor([4])))[0]
        torch.testing.assert_close(row, alone, rtol=1e-4, atol=1e-5)


def test_bf16_is_used_and_answers_in_float32(make_network, images):
    network, samples = make_network(), torch.arange(20)
    exact, coarse = (view_logits(network, images, samples, 0, p) for p in ("float32", "bf16"))
    assert coarse.dtype == exact.dtype == torch.float32
    assert not torch.equal(coarse, exact)
    torch.testing.assert_close(coarse, exact, rtol=0.1, atol=0.1)


def test_accuracy_of_each_exit_on_plain_images(make_network, images, tiny_dataset):
    network, labels = make_network(), torch.from_numpy(tiny_dataset.train.labels)
    logits = view_logits(network, images, torch.arange(120), 0, "float32").numpy()
    wanted = (logits.argmax(2) == tiny_dataset.train.labels[:, None]).mean(0)
    found = exit_accuracy(network, images, labels, "float32")
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert 0 < max(found) < 1
