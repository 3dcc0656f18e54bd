"""How long the campaign of kills is."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=3, help="how often each job is ended")


@pytest.fixture
def kills_wanted(request):
    return request.config.getoption("--kills")
