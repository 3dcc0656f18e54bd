"""No cell runs as a formula, and every text comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erde_core.store.cells import guarded, unguarded


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''+x", "＝1", "-", "-1a"],
)
def test_what_a_spreadsheet_would_run(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "cat", "-1", "+3.5e-7", ".5", "a=1", "'cat", "it's", "1+1"])
def test_what_stays(text):
    assert guarded(text) == text


@given(st.text(alphabet="'=+-@\t\r\n1a＝.e", max_size=6))
def test_there_and_back(text):
    assert unguarded(guarded(text)) == text
