"""One line says what a time was measured on."""

import time
from importlib import metadata

import torch

from erde_torch.latency import machine
from erde_torch.latency.machine import machine_text


def test_the_line_names_threads_and_versions():
    text = machine_text(torch.device("cpu"), 1)
    assert "1 CPU thread," in text
    assert "2 CPU threads," in machine_text(torch.device("cpu"), 2)
    assert f"PyTorch {metadata.version('torch')}" in text
    assert f"ONNX Runtime {metadata.version('onnxruntime')}" in text
    assert not text.startswith(",")
    assert "\n" not in text


def test_the_own_work_is_not_somebody_elses(monkeypatch):
    """Counters that stand for 3 busy seconds in 2, of which this process did 1: 1 core."""
    counters, clocks = iter([10.0, 13.0]), iter([100.0, 102.0])
    own = iter([5.0, 6.0])
    monkeypatch.setattr(machine, "_busy_seconds", lambda: next(counters))
    monkeypatch.setattr(machine.time, "monotonic", lambda: next(clocks))
    monkeypatch.setattr(machine.time, "process_time", lambda: next(own))
    with machine.other_load() as load:
        assert load.cores is None
    assert load.cores == 1.0


def test_where_the_system_does_not_say(monkeypatch):
    monkeypatch.setattr(machine, "_busy_seconds", lambda: None)
    with machine.other_load() as load:
        pass
    assert load.cores is None


def test_the_systems_counters_grow_with_work():
    before, own = machine._busy_seconds(), time.process_time()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    assert machine._busy_seconds() - before >= time.process_time() - own - 0.05
