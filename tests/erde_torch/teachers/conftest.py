"""A plain classifier of another library, and a card of the data set that it is to teach."""

import numpy as np
import pytest
import torch

from erde_torch.networks.weights import NetworkCard
from erde_torch.teachers.settings import LogitsTeacher

CLASSES = ("ant", "bee", "cat", "dog", "eel")


@pytest.fixture
def card():
    """Of small colour images in five classes."""
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    return NetworkCard({}, (3, 32, 32), CLASSES, mean, std, "d" * 64, "float32")


@pytest.fixture
def pixels():
    """Values in 0 … 1."""
    return torch.from_numpy(np.random.default_rng(0).random((4, 3, 32, 32), np.float32))


@pytest.fixture
def files(tmp_path):
    """``files(rows, test, **keys)``: the teacher of such arrays."""

    def make(rows=(6, 2), test=(2, 2), change=lambda array: array, **keys):
        random = np.random.default_rng(0)
        arrays = [change(random.normal(size=shape)) for shape in (rows, test)]
        for name, array in zip(("rows", "test"), arrays, strict=True):
            np.save(tmp_path / f"{name}.npy", array)
        texts = {key: tmp_path / f"{key}.txt" for key in keys if key != "output"}
        for key, path in texts.items():
            path.write_text("\n".join(keys[key]) + "\n", encoding="utf-8")
        paths = {"logits": "rows.npy", "test_logits": "test.npy"}
        found = {key: str(tmp_path / name) for key, name in paths.items()}
        found |= {key: str(path) for key, path in texts.items()}
        return LogitsTeacher(**found, **{k: v for k, v in keys.items() if k == "output"})

    return make


def normalised(images, mean, std):
    """As a network of that mean and deviation wants them."""
    return (images - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)


def trained_norms(network):
    """Statistics as after a training, so that nothing is 0 or 1 by chance."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network.eval()
