"""The report in a real browser: its numbers, its manners, and its looks on a telephone."""

import json
import re

import pytest

from tests.browser import browser
from tests.workflow.statistics.recompute import table

ENTER = """
const [id, value] = arguments, field = document.getElementById(id);
field.value = value;
field.dispatchEvent(new Event(id === "slider" ? "input" : "change"));
"""
SHOWN = "return [...document.querySelectorAll('#now tr')].map((row) => ({...row.dataset}))"
MARKERS = """
return document.getElementById("pareto").data.filter((t) => t.meta)
  .map((t) => [t.meta, t.x[0], t.y[0]])
"""
LETTERS = """
return [...document.querySelectorAll("p, td, input")]
  .map((e) => parseFloat(getComputedStyle(e).fontSize))
"""
CHARTS = """
return [...document.querySelectorAll(".chart")].map((e) => e.querySelector("svg").clientWidth)
"""
MESSAGE = "return document.getElementById('message').textContent"


@pytest.fixture(scope="module")
def report(finished):
    return finished.root / "results/tiny_report.html"


@pytest.fixture(scope="module")
def page(report):
    with browser(1100, 900) as window:
        window.open(report)
        yield window


def shown(page):
    return {row["variant"]: row for row in page.run(SHOWN)}


def agrees(row, csv):
    assert float(row["theta"]) == pytest.approx(float(csv["threshold_nats"]), rel=1e-12)
    assert float(row["accuracy"]) == pytest.approx(float(csv["test_accuracy"]), rel=1e-12)
    assert float(row["macs"]) == pytest.approx(float(csv["test_mean_macs"]), rel=1e-12)
    shares = [float(csv[f"test_share_exit{e}"]) for e in range(4)]
    assert [float(s) for s in row["shares"].split()] == pytest.approx(shares)


def operating_points(report, goal):
    rows = table(report.parent / "tiny/operating_points.csv")
    found = [row for row in rows if row["goal"] == goal and row["status"] == "ok"]
    assert found
    return found


def test_nothing_is_fetched_and_nothing_goes_wrong(report, page):
    with browser(1100, 900) as window:
        window.open(report)
        window.run(ENTER, "slider", "700")
        asked = window.requests()
        assert asked[0].startswith("file:")
        assert all(address.startswith("data:") for address in asked[1:])
        assert window.console() == []
    assert report.stat().st_size <= 8e6


def test_a_threshold_shows_the_numbers_of_the_table(report, page):
    for csv in operating_points(report, "drop") + operating_points(report, "certified"):
        page.run(ENTER, "seed", csv["seed"])
        page.run(ENTER, "theta", csv["threshold_nats"])
        agrees(shown(page)[csv["variant"]], csv)


def test_a_budget_is_met_as_in_the_table(report, page):
    pareto = {
        (r["variant"], r["teacher_share"]): r for r in table(report.parent / "tiny/pareto.csv")
    }
    for csv in operating_points(report, "teacher_share"):
        budget = float(pareto[csv["variant"], csv["value"]]["budget_macs"]) / 1e6
        page.run(ENTER, "budget", repr(budget))
        agrees(shown(page)[csv["variant"]], csv)


def test_the_slider_moves_numbers_and_markers(page):
    seen = []
    for position in ("0", "500", "1000"):
        page.run(ENTER, "slider", position)
        rows = shown(page)
        assert set(rows) == {"ce", "kd", "erde"}
        for variant, macs, accuracy in page.run(MARKERS):
            assert macs == pytest.approx(float(rows[variant]["macs"]) / 1e6)
            assert accuracy == pytest.approx(100 * float(rows[variant]["accuracy"]))
        seen.append(float(rows["erde"]["macs"]))
    assert seen[0] > seen[2]
    unsure = "return JSON.parse(document.getElementById('data').textContent).unsure"
    box = "return document.getElementById('theta').value"
    assert page.run(box) == f"{page.run(unsure):.5g}"


def test_certificates_are_those_of_the_table(report, page):
    best = {}
    for row in operating_points(report, "certified"):
        best.setdefault(row["variant"], row)
    for variant, row in best.items():
        page.run(ENTER, "theta", row["threshold_nats"])
        cells = f"return document.querySelector('[data-variant={variant}]').lastChild.textContent"
        assert page.run(cells) == f"≤ {100 * float(row['value']):.0f} %"
        page.run(ENTER, "theta", "4.6")
        assert page.run(cells) == "none" or float(row["threshold_nats"]) > 4.5


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [("budget", "0.0001", "between"), ("budget", "9999", "between"), ("theta", "-1", "between")],
)
def test_bad_input_is_one_sentence(page, field, value, rule):
    before = shown(page)
    page.run(ENTER, field, value)
    message = page.run(MESSAGE)
    assert rule in message
    assert value in message
    assert shown(page) == before
    page.run(ENTER, "slider", "300")
    assert page.run(MESSAGE) == ""


def test_readable_at_390_pixels(report):
    with browser(390, 844) as window:
        window.open(report)
        assert window.run("return document.documentElement.scrollWidth") <= 390
        assert min(window.run(LETTERS)) >= 12  # pixels
        assert all(250 <= width <= 390 for width in window.run(CHARTS))


def test_seconds_stand_beside_macs(report, page):
    rows = table(report.parent / "tiny/latency.csv")
    batches = dict.fromkeys(row["batch"] for row in rows)
    for index, batch in enumerate(batches):
        chart = f"document.getElementById('latency{index}')"
        title = f"return {chart}.parentElement.querySelector('figcaption').textContent"
        assert page.run(title) == f"Batch {batch}"
        drawn = page.run(f"return {chart}.data.map((t) => [t.name, ...t.y])")
        mine = [row for row in rows if row["batch"] == batch]
        eager = [row for row in mine if row["runtime"] == "eager"]
        assert drawn[0] == ["ratio of MACs", *(float(row["macs_ratio"]) for row in eager)]
        assert drawn[1] == ["eager", *(float(row["speed_up"]) for row in eager)]
    assert rows[0]["machine"] in page.run("return document.body.textContent")


def test_it_opens_with_the_row_of_the_decision(report, page):
    rows = [r for r in table(report.parent / "tiny/decision.csv") if r["threshold_nats"]]
    lead = page.run("return document.querySelector('.lead').textContent")
    assert any(
        f"θ = {float(row['threshold_nats']):.4g} nats" in lead
        and f"seed\N{NO-BREAK SPACE}{row['seed']}" in lead
        for row in rows
    )
    readers = page.run("return document.querySelector('.readers').textContent")
    assert "One seed says nothing of another" in readers


def test_what_is_behind_it_is_named(report, finished):
    text = report.read_text(encoding="utf-8")
    for network in ("ce/seed0", "kd/seed0", "erde/seed0", "data set", "teacher"):
        assert re.search(rf"{network}: [0-9a-f]{{64}}", text)
    for word in ("entropy_weight: 0.3", "snakemake:", "torch:", "train_images: 200"):
        assert word in text
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    macs = json.loads(data[1])["networks"][0]["macs"]
    assert macs == sorted(macs)


def test_snakemakes_own_report_has_the_picture_with_its_caption(finished, tmp_path):
    finished.snakemake("--report", str(tmp_path / "all.html"), "results/tiny_pareto.png")
    assert "the teacher's own exits" in (tmp_path / "all.html").read_text(encoding="utf-8")
