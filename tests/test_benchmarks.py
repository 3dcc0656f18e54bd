"""The benchmarks that run by hand still run, and docs/performance.md names what they time."""

import importlib
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SMALL = ["--rounds", "1", "--images", "4", "--batch", "4", "--width", "0.0625", "--workers", "0"]
MODULES = [
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for folder in ("benchmarks", "studies")
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported_from_the_repository(name):
    importlib.import_module(name)


def contenders(text):
    """(contender, images/s) of the training table."""
    rows = re.findall(r"^\| (.+) \| ([\d.]+) \| [\d.]+–[\d.]+ \|$", text, re.M)
    return {name: float(rate) for name, rate in rows}


def test_the_threads_of_auto_are_held_against_one(monkeypatch, capsys):
    threads, used = importlib.import_module("benchmarks.threads"), []
    monkeypatch.setattr("sys.argv", ["threads", *SMALL, "--cores", "11"])
    monkeypatch.setattr(threads, "set_threads", used.append)
    threads.main()
    assert used == [1, 8, 1, 8]  # in turns, after a round to warm up
    text = capsys.readouterr().out
    rates = re.findall(r"[(](\d)[)]: ([\d.]+) images/s", text)
    assert [count for count, _ in rates] == ["1", "8"]
    ratio = float(re.search(r"^auto over one thread: ([\d.]+) ", text, re.M)[1])
    assert ratio == pytest.approx(float(rates[1][1]) / float(rates[0][1]), rel=0.05)


def test_the_training_benchmark_times_the_contenders_of_the_page(monkeypatch, capsys):
    training = importlib.import_module("benchmarks.training")
    monkeypatch.setattr("sys.argv", ["training", *SMALL])
    monkeypatch.setattr(training, "set_threads", lambda count: None)  # the tests keep their own
    training.main()
    found = contenders(capsys.readouterr().out)
    page = (REPOSITORY / "docs/performance.md").read_text(encoding="utf-8")
    assert list(found) == list(contenders(page))
    assert all(rate > 0 for rate in found.values())
