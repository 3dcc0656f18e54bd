"""A section is a file and an entry; together they are the page."""

import re
from pathlib import Path

import erde.report.sections as package
from erde.report.page import report_page
from erde.report.sections import SECTIONS


def test_every_file_has_its_entry():
    files = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
    assert files - {"__init__"} == set(SECTIONS)
    assert next(iter(SECTIONS)) == "decision"


def test_every_chart_has_one_place(with_int8):
    seen = set()
    for name, make in SECTIONS.items():
        section = make(with_int8)
        places = re.findall(r'class="(?:chart|matrix)" id="([^"]+)"', section.body)
        assert places == list(section.charts), name
        assert not seen & set(places)
        seen |= set(places)
    assert {"pareto", "confusion", "difference0", "audit1", "latency1"} <= seen


def test_the_page_opens_with_the_decision_and_holds_all_sections(with_int8):
    page = report_page(with_int8)
    headings = re.findall(r'<section id="(\w+)"><h2>', page)
    assert headings == list(SECTIONS)
    assert page.index("What to ship") < page.index("<nav")
    for name in list(SECTIONS)[1:]:
        assert f'<a href="#{name}">' in page


def test_without_8_bits_nothing_is_said_of_them(two_seeds):
    page = report_page(two_seeds)
    body = page[: page.index('<script type="application/json"')]
    assert re.findall(r'<section id="(\w+)"><h2>', page) == [n for n in SECTIONS if n != "int8"]
    assert "int8" not in body
    assert "8 bits" not in body


def test_names_of_the_user_are_escaped_everywhere(two_seeds):
    page = report_page(two_seeds)
    body = page[: page.index('<script type="application/json"')]
    assert "class &lt;1&gt; &amp; co" in body
    assert "<1>" not in body
    assert "&lt;random&gt;" in body
