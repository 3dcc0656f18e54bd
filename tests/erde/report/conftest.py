"""Sources of reports, made once."""

import pytest

from tests.erde.report.sources import source


@pytest.fixture(scope="session")
def two_seeds():
    return source()


@pytest.fixture(scope="session")
def three_seeds():
    return source(seeds=(0, 1, 2), latency=False)


@pytest.fixture(scope="session")
def with_int8():
    """ERDE in 8 bits too."""
    return source(int8=True)
