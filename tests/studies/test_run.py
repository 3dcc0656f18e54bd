"""The driver of the study: stops within its budget, goes on, trains nothing twice."""

import dataclasses
import os
import signal
import threading
import time

import numpy as np
import pytest
import yaml

from erde.experiment.schema import parse_experiment
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_core.store.tables import read_table, write_table
from studies import run as driver
from studies.export import answers, export_experiment, validation_rows
from studies.lend import lend_checkpoints, shared_trainings
from tests.workflow.conftest import TINY

ONE = {**TINY, "variants": {"erde": {"method": "erde"}}}


def pretend_snakemake(tmp_path, monkeypatch, script):
    """Let a shell script stand in for ``python -m snakemake``."""
    path = tmp_path / "pretend"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setattr(driver.sys, "executable", str(path))
    monkeypatch.chdir(tmp_path)


def test_the_budget_stops_snakemake_and_what_it_started(tmp_path, monkeypatch):
    script = "sh -c 'trap \"touch saved; exit 143\" TERM; while :; do sleep 0.1; done' & wait"
    pretend_snakemake(tmp_path, monkeypatch, f"trap 'wait; exit 1' TERM; {script}")
    started = time.monotonic()
    assert driver.run_step(tmp_path, ["one.png"], 1, 0.5) == driver.OUT_OF_TIME
    assert time.monotonic() - started > 0.5
    assert (tmp_path / "saved").exists()


def interrupt(begun):
    """What Ctrl-C sends, as soon as the file ``begun`` is there."""
    while not begun.exists():
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)


def test_a_snakemake_that_had_to_be_killed_leaves_no_lock(tmp_path, monkeypatch):
    (tmp_path / "Snakefile").write_text(
        'rule:\n    output: "results/one_pareto.png", "results/one/comparison.csv"\n'
        "    shell: \"trap '' TERM; touch begun; for i in {{1..400}}; do sleep 0.1; done\"\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(driver, "_PATIENCE", 1)
    # A shell that starts the tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt, args=(tmp_path / "begun",), daemon=True).start()
    targets = driver.targets_of(tmp_path, "one", "", [0])
    try:
        assert driver.run_step(tmp_path, targets, 1, 60) == driver.OUT_OF_TIME
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "begun").exists()
    assert list((tmp_path / ".snakemake/locks").glob("*")) == []


def test_a_failed_experiment_does_not_hold_up_the_next(tmp_path, monkeypatch):
    pretend_snakemake(tmp_path, monkeypatch, 'echo "$@" >> ran; case "$*" in *bad*) exit 1;; esac')
    steps = [("bad", ""), ("good", "rivals")]
    for name, _ in steps:
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(TINY), encoding="utf-8")
    assert driver.run_study(tmp_path, steps, 3, 60) == driver.FAILED
    bad, good = (tmp_path / "ran").read_text(encoding="utf-8").splitlines()
    assert "results/good_pareto.png" in good
    assert "results/good/rivals.csv" in good
    assert "rivals" not in bad
    assert f"--cores 3 --config experiments={tmp_path}" in good


def test_a_broken_list_runs_nothing(tmp_path, capsys):
    path = tmp_path / "list.txt"
    path.write_text("one rivls\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        driver.main([str(path), "--seconds", "9", "--out", str(tmp_path)])
    assert (
        "must be 'name', 'name rivals' or 'name ways', got 'one rivls'" in capsys.readouterr().err
    )


def test_histories_of_networks_with_other_exits_come_home_together(tmp_path):
    for name, exits in (("late", 2), ("kd", 1)):
        folder = tmp_path / "results/one" / name / "seed0"
        folder.mkdir(parents=True)
        row = {"epoch": 1} | {f"val_accuracy_exit{e}": 0.5 for e in range(exits)}
        write_table(folder / "history.csv", [row])
    export_experiment(tmp_path / "results", "one", tmp_path / "home")
    found = read_table(tmp_path / "home/one/histories.csv")
    assert [row["val_accuracy_exit1"] for row in found] == ["", "0.5"]


def exits_of(logits, labels):
    split = SplitLogits(np.float32(logits), np.array(labels), np.arange(len(labels)))
    return ExitLogits(split, split, np.array([20, 40]), "", "")


def test_validation_accuracy_by_hand():
    """Four images: both exits sure; the first is right about two of them, the second about all."""
    first = [[0, 9], [0, 8], [7, 0], [6, 0]]
    logits = np.stack([first, [[0, 9], [0, 9], [0, 9], [0, 9]]], axis=1)
    exits = exits_of(logits, [1, 1, 1, 1])
    (row,) = validation_rows({"a/seed0": exits, "rivals/narrow0/seed0": exits})
    assert row["network"] == "a/seed0"
    # Budgets 21 … 40 MACs; from strict to loose the surest leave first, in the order 9 8 7 6:
    # mean costs 40, 35, 30, 25, 20 at accuracies 1, 1, 1, 3/4, 1/2.
    expected = np.mean([0.5] * 4 + [0.75] * 5 + [1.0] * 11)
    assert row["val_mean_accuracy"] == pytest.approx(expected)
    assert row["val_last_exit_accuracy"] == 1.0
    assert answers({"a": exits})["a/test/correct"][:, 0].sum() == 2
    cheap = dataclasses.replace(exits, macs=exits.macs // 2)  # of base's budgets the last is enough
    rows = validation_rows({"a/seed0": cheap, "base/seed0": exits})
    assert [row["val_mean_accuracy"] for row in rows] == pytest.approx([1.0, expected])


def changed(**keys):
    return parse_experiment({**ONE, **keys}, "changed")


TEACHER = ("teacher", "teacher")


def test_only_equal_trainings_are_lent():
    one = changed()
    again = changed(seeds=[1, 0], variants={"mine": {"method": "erde"}})
    assert shared_trainings(one, again) == [TEACHER, ("erde/seed0", "mine/seed0")]
    other_loss = {"erde": {"method": "erde", "entropy_weight": 1}}
    longer = {"erde": {"method": "erde", "train": {"epochs": 3}}}
    for other in (
        changed(cache={"views": 3}),
        changed(variants=other_loss),
        changed(variants=longer),
    ):
        assert shared_trainings(one, other) == [TEACHER]
    student = {**ONE["student"], "train": {**ONE["student"]["train"], "epochs": 3}}
    assert shared_trainings(changed(student=student), changed(variants=longer)) == [
        TEACHER,
        ("erde/seed0", "erde/seed0"),
    ]
    for key, value in (("augment", {"pad": 2}), ("device", "auto")):
        assert shared_trainings(one, changed(**{key: value})) == []
    folds = changed(teacher={**ONE["teacher"], "folds": 2})
    names = [mine for mine, _ in shared_trainings(folds, folds)]
    assert names[:3] == ["teacher", "teacher/fold0", "teacher/fold1"]
    assert shared_trainings(one, folds) == [TEACHER]


def test_a_training_of_ones_own_is_not_replaced(tmp_path):
    experiments = {"one": changed(), "two": changed()}
    for name in experiments:
        folder = tmp_path / name / "checkpoints/teacher"
        folder.mkdir(parents=True)
        (folder / "checkpoint.safetensors").write_text(name, encoding="utf-8")
    assert lend_checkpoints(tmp_path, "two", experiments, ["one"]) == []
    text = (tmp_path / "two/checkpoints/teacher/checkpoint.safetensors").read_text("utf-8")
    assert text == "two"
