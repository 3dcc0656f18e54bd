"""The section on seconds says what was measured, on what, and where leaving early pays."""

import dataclasses
import re

from erde.report.sections.latency import latency_charts, latency_section
from tests.erde.report.sources import latency_row, latency_rows


def body(source, rows):
    found = dataclasses.replace(source, rows=source.rows | {"latency": rows})
    return latency_section(found).body.replace("\N{NO-BREAK SPACE}", " ")


def test_one_chart_per_batch_with_the_promise_first():
    charts = latency_charts(latency_rows())
    assert [chart.title for chart in charts] == ["Batch 1", "Batch 64"]
    for chart in charts:
        names = [trace["name"] for trace in chart.traces]
        assert names == ["ratio of MACs", "eager", "ONNX Runtime"]
        assert chart.traces[0]["y"] == [2.0, 8.0, 12.0]
        assert chart.traces[1]["y"] == [1.0, 4.0, 6.0]
        assert chart.traces[1]["x"] == ["teacher", "no exits", "1/8"]


def test_bars_show_the_slowest_and_the_fastest_round():
    chart, _ = latency_charts(latency_rows())
    assert "error_y" not in chart.traces[0]
    reach = chart.traces[1]["error_y"]
    assert [round(x, 6) for x in reach["array"]] == [0.2, 0.8, 1.2]
    assert [round(x, 6) for x in reach["arrayminus"]] == [0.1, 0.4, 0.6]


def test_names_fit_below_the_bars():
    (chart,) = latency_charts([latency_row(1, "eager", "exits, at most 1 point lost", 2.0)])
    assert chart.traces[0]["x"] == ["≤ 1 point"]


def test_the_section(two_seeds):
    text = body(two_seeds, latency_rows())
    assert "Measured on A &amp; B, 1 CPU thread" in text
    assert "erde/seed0" in text
    assert 'id="latency0"' in text
    assert "Read these times with care" not in text
    assert re.search(r"exits, 1/8 of the teacher&#39;s MACs</td>\s*<td[^>]*>1</td>", text)
    assert "6.00 (5.40 – 7.20)" in text
    assert ">5 %<" in text


def test_never_pays(two_seeds):
    assert ">never<" in body(two_seeds, latency_rows(speed_up_over_no_exits=0.9))


def test_a_disturbed_clock_is_said_first(two_seeds):
    text = body(two_seeds, latency_rows(other_load=1.3))
    assert text.lstrip().startswith('<div class="warning"')
    assert "Other processes kept up to 1.3 cores busy" in text


def test_without_measurement(two_seeds):
    assert "latency: false" in body(two_seeds, [])
    assert "is no network of PyTorch" in body(two_seeds, [])
