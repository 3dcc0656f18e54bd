"""The script for whoever has a GPU runs, on the CPU and in small, to its Markdown file."""

import pytest

from benchmarks import gpu_report
from benchmarks.gpu_report import PARTS, parsed, run_part, write_report

TINY = "--device cpu --images 8 --batch 4 --width 0.0625 --rounds 1 --threads 1 --workers 0"


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


def test_a_part_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(PARTS, "guard", lambda asked: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_part("guard", parsed([*TINY.split(), "--folder", str(tmp_path)]))
    assert list(tmp_path.iterdir()) == []
