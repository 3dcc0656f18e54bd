"""Templates escape what they are given, and miss nothing in silence."""

import pytest
from jinja2 import UndefinedError

from erde.report.charts import Chart, Key
from erde.report.html import chart_grid, render, table

EVIL = '<script>alert("&")</script>'


def test_every_value_is_escaped():
    pages = [
        render("<p>{{ text }}</p>", text=EVIL),
        table([EVIL], [[EVIL]]),
        chart_grid({EVIL: Chart([], "", "", title=EVIL)}, [Key(EVIL, EVIL, 2, EVIL, EVIL)]),
    ]
    for page in pages:
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
        assert 'alert("' not in page


def test_parts_that_were_rendered_are_not_escaped_again():
    assert render("{{ part }}", part=table(["a"], [["1 < 2"]])).count("1 &lt; 2") == 1


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError, match="'text' is undefined"):
        render("{{ text }}")


def test_long_tables_are_folded_and_short_ones_stack_on_a_telephone():
    assert "<details>" not in table(["a"], [["x"]] * 15)
    assert "<summary>All 16 rows</summary>" in table(["a"], [["x"]] * 16)
    assert 'class="stacked"' in table(["a"], [["x"]] * 8)
    assert 'class="stacked"' not in table(["a"], [["x"]] * 9)


def test_a_cell_knows_its_column_and_none_is_a_dash():
    assert '<td data-label="cost">5</td>' in table(["name", "cost"], [["a", 5]])
    assert '<td data-label="cost" class="none">–</td>' in table(["name", "cost"], [["a", None]])
    assert '<td data-label="cost">0</td>' in table(["name", "cost"], [["a", 0]])
