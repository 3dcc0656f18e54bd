"""One line says what a time was measured on."""

from importlib import metadata

import torch

from erde_torch.latency.machine import machine_text


def test_the_line_names_threads_and_versions():
    text = machine_text(torch.device("cpu"), 1)
    assert "1 CPU thread," in text
    assert "2 CPU threads," in machine_text(torch.device("cpu"), 2)
    assert f"PyTorch {metadata.version('torch')}" in text
    assert f"ONNX Runtime {metadata.version('onnxruntime')}" in text
    assert not text.startswith(",")
    assert "\n" not in text
