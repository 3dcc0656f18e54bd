import dataclasses

import numpy as np
import pytest
import torch

from erde_torch.memory_order import in_order, order_of_training
from erde_torch.training.checkpoint import TrainingState
from erde_torch.training.optimisation.optimiser import make_optimiser


@pytest.fixture
def make_state(make_network, short_training):
    """A training state after ``steps`` steps on random images."""

    def make(steps=0, seed=0, ema_decay=0.9, **changes):
        network = make_network(seed).train()
        order = order_of_training(network, (16, 16), torch.device("cpu"))
        forward = in_order(network.to(memory_format=order), order)
        state = TrainingState(
            network, make_optimiser(network, short_training(**changes)), ema_decay
        )
        for _ in range(steps):
            state.optimiser.zero_grad()
            forward(torch.randn(4, 3, 16, 16)).square().mean().backward()
            state.optimiser.step()
            state.average()
        return state

    return make


@pytest.fixture(scope="module")
def uneven_dataset(tiny_dataset):
    """Labels whose classes have from 38 images down to 7, of all 10."""
    labels = np.floor(10 * (np.arange(120) / 120) ** 2).astype(np.int64)
    return dataclasses.replace(
        tiny_dataset, train=dataclasses.replace(tiny_dataset.train, labels=labels)
    )


@pytest.fixture(scope="module")
def balanced(uneven_dataset):
    """The weight of each class, N / (C · n_c)."""
    return np.array([120 / (10 * (uneven_dataset.train.labels == c).sum()) for c in range(10)])
