"""The fixtures of the rehearsal: those of PyTorch's side, a GPU that is none, and the table."""

import pytest

from tests.erde_torch.deployable import random_network
from tests.gpu_rehearsal.jobs import Jobs
from tests.gpu_rehearsal.pretended_gpu import CPU, pretended_gpu
from tests.gpu_rehearsal.tiny import make_tiny
from tests.torch_fixtures import *  # noqa: F403 -- pytest finds fixtures by their names here

TABLE = pytest.StashKey[dict]()


@pytest.fixture
def waits():
    """The pretended GPU is there; gives the counter of what waits for it."""
    with pretended_gpu() as counter:
        yield counter


@pytest.fixture(scope="module")
def network():
    """A teacher, as it came from its training: on the CPU."""
    return random_network()


@pytest.fixture(scope="module")
def logits(network, tmp_path_factory):
    """Its cache, filled on the CPU."""
    return Jobs(CPU, tmp_path_factory.mktemp("cache")).cache([network])


@pytest.fixture
def tiny(monkeypatch):
    """What is trained has few operations."""
    make_tiny(monkeypatch)


@pytest.fixture
def noted(request):
    """``noted(name, figure)``: a line of the table that ends the test run."""
    return request.config.stash.setdefault(TABLE, {}).__setitem__


def pytest_terminal_summary(terminalreporter, config):
    table = config.stash.get(TABLE, {})
    if table:
        terminalreporter.section("how often the host waits for the GPU")
        width = max(map(len, table))
        for name, figure in table.items():
            terminalreporter.line(f"{name:{width}}  {figure:g}")
