"""The script for whoever has a GPU runs, on the CPU and in small, to its Markdown file."""

import re

import pytest
from torch import nn

from benchmarks import gpu_report
from benchmarks.gpu_report import PARTS, parsed, run_part, write_report
from benchmarks.training import Bench
from erde_torch.training.captured import graph

TINY = "--device cpu --images 8 --batch 4 --width 0.0625 --rounds 1 --threads 1 --workers 0"
TINY += " --seconds 0 --counts 1 2"
ON_GPU = TINY.replace("cpu", "cuda").replace("--images 8", "--images 16")  # 4 steps


def test_every_part_stands_in_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_report, "BATCHES", (1, 2))
    asked = parsed([*TINY.split(), "--folder", str(tmp_path)])
    assert write_report(tmp_path, "cpu").read_text().count("Missing: call it again.") == len(PARTS)
    for part in PARTS:
        run_part(part, asked)
    text = write_report(tmp_path, "cpu").read_text(encoding="utf-8")
    assert "Missing" not in text
    assert "OUT OF TOLERANCE" not in text
    assert "| our student, teacher cached | " in text
    assert "* sgd, a good step and a bad one: ok" in text
    assert "* adamw, a good step and a bad one: ok" in text
    assert text.count("| last exit | ") == 4
    assert re.search(r"\| uncaptured \| 2 \| [1-9]\d* \|", text)


def few_operations():
    """Instead of ResNets: 32×32 to four exits of 100 classes."""
    layers = nn.Conv2d(3, 2, 8, 8), nn.Flatten(), nn.Dropout(), nn.Linear(32, 400)
    network = nn.Sequential(*layers, nn.Unflatten(1, (4, 100)))
    network.exit_count = 4
    return network


def test_graph_against_no_graph_says_whether_both_agree(waits, tmp_path, monkeypatch):
    """Of two networks; then something is left out of the captured step of both."""
    monkeypatch.setattr(Bench, "network", lambda bench, name: few_operations().to(bench.device))
    asked = parsed([*ON_GPU.split(), "--folder", str(tmp_path)])
    run_part("graph", asked)
    good = (tmp_path / "graph.md").read_text(encoding="utf-8")
    assert good.count("gave the uncaptured one's bits 3 times: in use") == 2
    assert "| our teacher, captured | " in good
    assert "| our student, teacher cached, captured | " in good
    monkeypatch.setattr(graph.Graph, "fill", lambda *place: None)
    run_part("graph", asked)
    bad = (tmp_path / "graph.md").read_text(encoding="utf-8")
    assert bad.count(": SELF-CHECK FAILED: train.graph is not used: ") == 2
    assert "captured | " not in bad


def test_a_part_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(PARTS, "guard", lambda asked: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_part("guard", parsed([*TINY.split(), "--folder", str(tmp_path)]))
    assert list(tmp_path.iterdir()) == []
