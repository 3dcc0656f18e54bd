import pytest

from erde.running.clock import clock


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (3599.6, "1:00:00"), (3723, "1:02:03")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text
