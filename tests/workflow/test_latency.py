"""The rule that times trained networks: planned for the report unless told otherwise, and run."""

import numpy as np
import pytest

from erde_torch.latency.measure import STUDENT, TEACHER
from tests.workflow.conftest import TINY
from tests.workflow.statistics.recompute import Network, table

TARGET = "results/tiny/latency.csv"


def test_the_report_plans_it_unless_told_otherwise(checkout):
    checkout.write_experiment("tiny", TINY)
    report = "results/tiny_report.html"
    assert checkout.plan(report)["latency"] == 1
    assert "latency" not in checkout.plan(report, "--config", "latency=False")
    assert "latency" not in checkout.plan("results/tiny_pareto.png")


def test_every_network_runtime_and_batch_is_timed(finished):
    rows = table(finished.root / TARGET)
    log = (finished.root / "results/tiny/logs/latency.log").read_text(encoding="utf-8")
    assert "compiled networks are left out" in log
    batches = ["1", "4", "16", "64", "256"]
    points = list(dict.fromkeys(row["network"] for row in rows))
    assert points[:2] == [TEACHER, STUDENT]
    assert "exits, at most 1 point lost" in points
    seen = [(row["batch"], row["runtime"], row["network"]) for row in rows]
    assert seen == [(b, r, n) for b in batches for r in ("eager", "ONNX Runtime") for n in points]
    for row in rows:
        assert 0 < float(row["p50_ms"]) <= float(row["p95_ms"]) <= float(row["p99_ms"])
        assert row["student"] == "erde/seed0"
        assert "1 CPU thread" in row["machine"]
    assert (finished.root / "results/tiny/latency.png").read_bytes().startswith(b"\x89PNG")


def test_the_images_timed_are_drawn_from_all(finished):
    """At batch 256 all of them are: their exits follow from the exit logits on file."""
    network = Network(finished.root / "results/tiny/erde/seed0/exit_logits.h5")
    order = np.random.default_rng(0).permutation(len(network.labels["test"]))[:256]
    rows = [row for row in table(finished.root / TARGET) if row["batch"] == "256"]
    points = [row for row in rows if row["threshold_nats"]]
    assert points
    for row in points:
        exits = network.leave("test", float(row["threshold_nats"]))
        assert float(row["macs"]) == pytest.approx(network.macs[exits][order].mean())


def test_it_runs_once(finished):
    assert finished.plan(TARGET) == {}


def test_an_edit_of_what_measures_repeats_it(finished):
    path = finished.root / "erde_torch/latency/measure.py"
    text = path.read_text()
    path.write_text(text.replace("[50, 95, 99]", "[50, 90, 99]"))
    try:
        assert finished.plan(TARGET) == {"latency": 1}
    finally:
        path.write_text(text)
