"""Sources of reports, made once."""

import pytest

from tests.erde.report.sources import source


@pytest.fixture(scope="session")
def two_seeds():
    return source()


@pytest.fixture(scope="session")
def three_seeds():
    return source(seeds=(0, 1, 2), latency=False)
