"""The driver of the study: stops within its budget, goes on, trains nothing twice."""

import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import yaml

from erde.experiment.schema import parse_experiment
from erde_core import entropy
from erde_core.store.exit_logits import ExitLogits, SplitLogits, read_exit_logits
from erde_core.store.tables import read_table, write_table
from erde_core.store.teacher_logits import read_teacher_logits
from erde_core.store.teacher_logits_writer import TeacherLogitsWriter
from studies import run as driver
from studies.export import answers, export_experiment, validation_rows
from studies.lend import lend_cache, lend_checkpoints, shared_trainings
from tests.workflow.conftest import REPOSITORY, TINY, copy_repository

LENT = ("one", "two")
KEYS = ("entropy", "prediction", "correct")
# Long enough to be stopped in the middle, short enough to be finished.
SLOW = {**TINY, "variants": {"erde": {"method": "erde"}}}
SLOW["teacher"] = {**TINY["teacher"], "train": {**TINY["teacher"]["train"], "epochs": 30}}
WIDER = {**SLOW, "student": {**SLOW["student"], "network": {"name": "resnet10", "width": 0.125}}}


def start(root, *arguments):
    command = [sys.executable, "-m", "studies.run", "study/list.txt", "--out", "home"]
    env = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.Popen([*command, "--cores", "2", *arguments], cwd=root, env=env)


def teacher_log(root, experiment):
    path = root / f"results/{experiment}/logs/teacher.log"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def stop_at(root, experiment, text):
    """Start the study, stop it when the teacher says ``text``, and return its exit code."""
    process = start(root, "--seconds", "600")
    for _ in range(3000):
        if text in teacher_log(root, experiment) or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    return process.wait(120)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A study of two experiments, stopped in its first training and again in its second teacher."""
    root = copy_repository(tmp_path_factory.mktemp("study")).root
    shutil.copytree(REPOSITORY / "studies", root / "studies")
    (root / "study").mkdir()
    (root / "study/list.txt").write_text("one  # comment\n\ntwo\n", encoding="utf-8")
    book = {"bases": {"one": SLOW, "two": WIDER}, "changes": {}, "exceptions": {}}
    (root / "study/experiments.yaml").write_text(yaml.safe_dump(book), encoding="utf-8")
    codes = [stop_at(root, "one", "epoch 2/30")]
    stopped = list((root / "results/one/teacher").glob("*"))
    codes.append(stop_at(root, "two", "already finished"))
    return root, codes, stopped


def test_a_stopped_study_leaves_nothing_half_written_and_goes_on(run):
    root, codes, stopped = run
    assert codes == [driver.OUT_OF_TIME] * 2
    assert stopped == []
    assert "resuming in epoch" in teacher_log(root, "one")
    assert (root / "home/one/one_pareto.png").exists()


def test_the_second_experiment_borrows_the_teacher_and_not_another_student(run):
    root, _, _ = run
    assert "already finished" in teacher_log(root, "two")
    assert not (root / "results/two/checkpoints/erde/seed0/checkpoint.safetensors").exists()


def test_the_lent_cache_is_whole(run, tmp_path):
    root, _, _ = run
    lender = read_teacher_logits(root / "results/one/teacher_logits.h5")
    folder = shutil.copytree(root / "results/two/checkpoints/cache", tmp_path / "cache")
    writer = TeacherLogitsWriter(folder, lender.logits.shape, lender.views, lender.identity)
    assert writer.missing == []
    writer.finish(tmp_path / "finished.h5", lender.wrong_on_val)
    assert read_teacher_logits(tmp_path / "finished.h5").sha256 == lender.sha256
    assert lend_cache(root / "results", "two", {n: changed() for n in LENT}, ["one"]) is None


def test_what_is_brought_home_is_what_the_exit_logits_say(run):
    root, _, _ = run
    home = np.load(root / "home/one/answers.npz")
    for network in ("teacher", "erde/seed0"):
        exits = read_exit_logits(root / f"results/one/{network}/exit_logits.h5")
        assert home[f"{network}/macs"].tolist() == exits.macs.tolist()
        for name, split in (("val", exits.val), ("test", exits.test)):
            said = {key: home[f"{network}/{name}/{key}"] for key in KEYS}
            assert np.array_equal(home[f"{name}/labels"], split.labels)
            assert np.array_equal(said["prediction"], split.logits.argmax(2))
            assert np.array_equal(said["correct"], said["prediction"] == split.labels[:, None])
            np.testing.assert_allclose(said["entropy"], entropy(split.logits), rtol=1e-6)
    assert not list((root / "home").rglob("*.h5"))


def test_the_machine_is_named(run):
    found = json.loads((run[0] / "home/machine_list.json").read_text(encoding="utf-8"))
    assert found["cores"] == os.cpu_count()
    assert {"torch", "numpy", "snakemake"} <= found["versions"].keys()


def test_the_histories_of_all_networks_come_home(run):
    root, _, _ = run
    with open(root / "home/one/histories.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["network"] for r in rows] == ["erde/seed0"] * 2 + ["teacher"] * 30


@pytest.mark.parametrize("moment", ["no time", "a signal between two steps"])
def test_what_is_there_comes_home_all_the_same(run, tmp_path, monkeypatch, moment):
    def stopped(*_):
        raise KeyboardInterrupt

    root, _, _ = run
    monkeypatch.chdir(root)
    monkeypatch.setattr(driver, "run_step", None)
    monkeypatch.setattr(driver.signal, "signal", lambda *_: None)  # the tests keep their own
    if moment != "no time":
        monkeypatch.setattr(driver, "lend_cache", stopped)
    code = driver.main(["study/list.txt", "--seconds", "0", "--out", str(tmp_path)])
    assert code == driver.OUT_OF_TIME
    assert (tmp_path / "one/answers.npz").exists()


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
    threading.Thread(target=interrupt, args=(tmp_path / "begun",), daemon=True).start()
    targets = driver.targets_of(tmp_path, "one", "", [0])
    assert driver.run_step(tmp_path, targets, 1, 60) == driver.OUT_OF_TIME
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
    return parse_experiment({**SLOW, **keys}, "changed")


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
    student = {**SLOW["student"], "train": {**SLOW["student"]["train"], "epochs": 3}}
    assert shared_trainings(changed(student=student), changed(variants=longer)) == [
        TEACHER,
        ("erde/seed0", "erde/seed0"),
    ]
    for key, value in (("augment", {"pad": 2}), ("device", "auto")):
        assert shared_trainings(one, changed(**{key: value})) == []
    folds = changed(teacher={**SLOW["teacher"], "folds": 2})
    names = [mine for mine, _ in shared_trainings(folds, folds)]
    assert names[:3] == ["teacher", "teacher/fold0", "teacher/fold1"]
    assert shared_trainings(one, folds) == []


def test_a_training_of_ones_own_is_not_replaced(tmp_path):
    experiments = {"one": changed(), "two": changed()}
    for name in experiments:
        folder = tmp_path / name / "checkpoints/teacher"
        folder.mkdir(parents=True)
        (folder / "checkpoint.safetensors").write_text(name, encoding="utf-8")
    assert lend_checkpoints(tmp_path, "two", experiments, ["one"]) == []
    text = (tmp_path / "two/checkpoints/teacher/checkpoint.safetensors").read_text("utf-8")
    assert text == "two"
