"""erde run: what it calls Snakemake with, and what it refuses before."""

import os
import sys

import pytest

from erde.cli import main
from tests.erde.commands.test_commands import REPOSITORY, SHIPPED, call

RESULTS = {
    "picture": "results/digits_pareto.png",
    "report": "results/digits_report.html",
    "deploy": "results/digits/deploy/erde-seed0",
}


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("name", ["digits", "workflow/experiments/digits.yaml"])
def test_run_becomes_snakemake(name, result, monkeypatch):
    called = []
    monkeypatch.setattr(os, "execv", lambda *command: called.append(command))
    monkeypatch.chdir(REPOSITORY)
    call("run", name, result, "--cores", "3", "-n")
    expected = ["-m", "snakemake", "--cores", "3", "--dry-run", "--", RESULTS[result]]
    assert called == [(sys.executable, [sys.executable, *expected])]


def test_run_hands_options_of_the_run_on(monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(os, "execv", lambda *command: called.append(command[1][3:]))
    monkeypatch.chdir(REPOSITORY)
    words = ["rivals=false", "latency=false"]
    call("run", "digits", "report", "--config", *words, "--cores", "3")
    expected = ["--cores", "3", "--config", *words, "--", RESULTS["report"]]
    (tmp_path / "mine.yaml").write_text(SHIPPED[0].read_text("utf-8"), "utf-8")
    call("run", "mine", "--config", f"experiments={tmp_path}")
    other = ["--cores", "all", "--config", f"experiments={tmp_path}"]
    assert called == [expected, [*other, "--", "results/mine_pareto.png"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rivals=true", "rivals=false"], "each key once, got 'rivals=false' again"),
        (["rivalz=false"], "unknown key 'rivalz'; did you mean 'rivals'"),
        (["rivals=perhaps"], "--config rivals must be true or false, got 'perhaps'"),
    ],
)
def test_run_refuses_options_that_the_workflow_would_refuse(words, said, monkeypatch):
    monkeypatch.setattr(os, "execv", None)
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(ValueError, match=said):
        call("run", "digits", "report", "--config", *words)


@pytest.mark.parametrize(
    "words",
    [
        "run digits deploy -n --cores 2",
        "run digits -n deploy --cores 2",
        "run -n --cores 2 digits deploy",
        "run digits --cores 2 -n deploy",
        "run -n digits --cores 2 deploy",
    ],
)
@pytest.mark.parametrize("last", ["", " --config rivals=false latency=false"])
def test_run_takes_its_words_in_any_order(words, last, monkeypatch):
    called = []
    monkeypatch.setattr(os, "execv", lambda *command: called.append(command[1][3:]))
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(SystemExit):
        main((words + last).split())
    expected = ["--cores", "2", "--dry-run", *last.split(), "--", RESULTS["deploy"]]
    assert called == [expected]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run digits --config rivals", "must be KEY=VALUE, got 'rivals'; names stand before"),
        ("run --config rivals=false digits report", "must be KEY=VALUE, got 'digits'; names"),
        ("run digits reprot", "invalid choice: 'reprot'"),
        ("run digits report deploy", "unrecognized arguments: deploy"),
        ("run digits --keep-going", "unrecognized arguments: --keep-going"),
        ("run -n", "the following arguments are required: EXPERIMENT"),
    ],
)
def test_run_refuses_what_it_does_not_know(words, said, monkeypatch, capsys):
    monkeypatch.setattr(os, "execv", None)
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_run_says_what_is_wrong_before_snakemake(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "execv", None)
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        call("run", "digitz")
    with pytest.raises(ValueError, match="must lie in workflow/experiments"):
        call("run", tmp_path / "x.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="must start in a clone of the repository"):
        call("run", "digits")
