"""The page in a real browser, wide and on a telephone, made of networks that were never trained."""

import pytest

from erde.report.page import report_page
from tests.browser import browser
from tests.erde.report.overlaps import OVERLAPS, PLANTED
from tests.erde.report.sources import source

# Texts that stick out of their chart on either side.
CUT = """
return [...document.querySelectorAll(".chart")].flatMap((plot) => {
  const frame = plot.getBoundingClientRect();
  return [...plot.querySelectorAll("text")].filter((t) => t.textContent.trim()).filter((t) => {
    const box = t.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1 ||
      box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
  }).map((t) => [plot.id, t.textContent]);
});
"""
TICKS = """
return [...document.querySelectorAll(".chart text")].map((t) => t.textContent)
"""
# Boxes that hide some of what they hold, without a scrollbar along that side.
HIDDEN = """
return [...document.querySelectorAll(".scroll, .matrix, pre")].filter((e) =>
  e.scrollHeight > e.clientHeight + 1 && e.tagName !== "PRE").map((e) => e.outerHTML.slice(0, 99))
"""
SIZE = "return [document.documentElement.scrollWidth, window.innerWidth]"


LONG = {
    "erde": "erde",
    "erde-entropy_weight-0.125": "erde",
    "kd-with-a-name-of-thirty-letters": "kd",
    "masked": "masked_kd",
}


@pytest.fixture(scope="module")
def pages(two_seeds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    small, large = folder / "small.html", folder / "large.html"
    small.write_text(report_page(two_seeds), encoding="utf-8")
    hundred = source(classes=100, samples=600, latency=False, rivals=False)
    large.write_text(report_page(hundred), encoding="utf-8")
    long = folder / "long.html"
    long.write_text(report_page(source(samples=200, methods=LONG)), encoding="utf-8")
    return {"small": small, "large": large, "long": long}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["small", "large", "long"])
def test_nothing_overlaps_is_cut_or_hidden(pages, name, width):
    with browser(width, 844) as window:
        window.open(pages[name])
        assert window.run(OVERLAPS) == []
        assert window.run(CUT) == []
        assert window.run(HIDDEN) == []
        assert window.run(SIZE) == [width, width]
        assert window.console() == []


@pytest.mark.parametrize("width", [1280, 390])
def test_every_planted_overlap_is_seen(pages, width):
    with browser(width, 844) as window:
        window.open(pages["small"])
        before = window.run(OVERLAPS)
        assert before == []
        for name, plant in PLANTED.items():
            window.run(plant)
            after = window.run(OVERLAPS)
            assert [pair for pair in after if pair not in before], name
            before = after


@pytest.mark.parametrize("width", [1280, 390])
def test_ticks_are_short(pages, width):
    with browser(width, 844) as window:
        window.open(pages["small"])
        numbers = [t for t in window.run(TICKS) if t.replace(".", "").replace("−", "").isdigit()]
        assert len(numbers) > 50
        assert max(map(len, numbers)) <= 5


def test_a_short_table_is_read_downwards_on_a_telephone(pages):
    first = "const row = document.querySelector('table.stacked tbody tr'); return "
    with browser(390, 844) as window:
        window.open(pages["small"])
        display = window.run(first + "getComputedStyle(row).display")
        label = window.run(first + "getComputedStyle(row.cells[1], '::before').content")
        assert (display, label) == ("block", '"network"')
    with browser(1280, 844) as window:
        window.open(pages["small"])
        assert window.run(first + "getComputedStyle(row).display") == "table-row"


def test_a_matrix_of_a_hundred_classes_fits_a_wide_screen(pages):
    """Each class keeps its name and a square; on a telephone the matrix scrolls sideways."""
    names = "return document.querySelectorAll('#confusion .xtick').length"
    box = "const e = document.getElementById('confusion'); return [e.scrollWidth, e.clientWidth]"
    for width in (1280, 390):
        with browser(width, 844) as window:
            window.open(pages["large"])
            assert window.run(names) == 100
            needed, there = window.run(box)
            assert (needed <= there) == (width == 1280)


def test_the_page_looks_up_what_python_chose(pages, two_seeds):
    """Its budget box shows the θ of the table, at the cost of each point and just below it."""
    enter = """
    const [value] = arguments, field = document.getElementById("budget");
    field.value = value;
    field.dispatchEvent(new Event("change"));
    return Object.fromEntries([...document.querySelectorAll("#now tr")].map(
      (row) => [row.dataset.variant, row.dataset.theta]));
    """
    from erde.evaluation.choice import choose_for_budget
    from erde_core.outcomes import split_sweep

    student = two_seeds.students["erde", 0]
    costs = split_sweep(student.val, student.macs).mean_macs
    with browser(1280, 844) as window:
        window.open(pages["small"])
        window.run("const s = document.getElementById('seed'); s.value = '0'")
        for cost in (costs[1], costs[len(costs) // 2], costs[-2] + 0.5):
            million = float(cost) / 1e6
            chosen = choose_for_budget(student, 1e6 * million)
            assert float(window.run(enter, repr(million))["erde"]) == chosen.threshold
