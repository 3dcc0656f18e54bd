"""The section on seconds says what was measured, on what, and where leaving early pays."""

import pytest

from erde.report.sections.latency import latency_charts, latency_html

NETWORKS = {"teacher": 1.0, "student, no exits": 4.0, "exits, 1/8 of the teacher's MACs": 6.0}


@pytest.fixture
def latency():
    return [
        {
            "batch": batch,
            "runtime": runtime,
            "network": network,
            "macs": "2500000.0",
            "calls": "40",
            "speed_up": str(speed_up),
            "macs_ratio": str(2 * speed_up),
            "speed_up_over_no_exits": "1.5" if batch == "1" else "0.9",
            "student": "erde/seed0",
            "machine": "A & B, 1 CPU thread",
        }
        | dict.fromkeys(("p50_ms", "p95_ms", "p99_ms"), "1.25")
        | dict.fromkeys(("speed_up_lowest", "speed_up_highest"), "3.75")
        for batch in ("1", "64")
        for runtime in ("eager", "ONNX Runtime")
        for network, speed_up in NETWORKS.items()
    ]


def test_one_chart_per_batch_with_the_promise_first(latency):
    charts = latency_charts(latency)
    assert [chart["title"] for chart in charts] == ["Batch 1", "Batch 64"]
    for chart in charts:
        names = [trace["name"] for trace in chart["traces"]]
        assert names == ["ratio of MACs", "eager", "ONNX Runtime"]
        assert chart["traces"][0]["y"] == [2.0, 8.0, 12.0]
        assert chart["traces"][1]["y"] == [1.0, 4.0, 6.0]
        assert chart["traces"][1]["x"] == ["teacher", "no exits", "1/8"]


def test_names_fit_below_the_bars(latency):
    (chart,) = latency_charts([latency[0] | {"network": "exits, at most 1 point lost"}])
    assert chart["traces"][0]["x"] == ["≤ 1 point"]


def test_the_section(latency):
    text = latency_html(latency, "<charts>")
    assert "Measured on A &amp; B, 1 CPU thread" in text
    assert "erde/seed0" in text
    assert "<charts>" in text
    assert "eager, exits, 1/8 of the teacher&#x27;s MACs: at batch 1." in text
    assert text.count("<tr>") == 1 + len(latency)
    assert "<td>1.25</td>" in text
    assert "<td>6.00 (3.75 – 3.75)</td>" in text


def test_never_pays(latency):
    rows = [row | {"speed_up_over_no_exits": "0.9"} for row in latency]
    assert "MACs: at no batch size measured." in latency_html(rows, "")


def test_without_measurement():
    assert latency_charts([]) == []
    assert "latency: false" in latency_html([], "")
