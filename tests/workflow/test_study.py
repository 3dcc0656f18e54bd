"""A real run of a study's driver: stopped twice, gone on with, and brought home."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from erde.experiment.schema import parse_experiment
from erde_core import entropy
from erde_core.store.exit_logits import read_exit_logits
from erde_core.store.teacher_logits import read_teacher_logits
from erde_core.store.teacher_logits_writer import TeacherLogitsWriter
from studies import run as driver
from studies.lend import lend_cache
from tests.workflow.conftest import REPOSITORY, TINY, copy_repository

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
    alike = dict.fromkeys(("one", "two"), parse_experiment(SLOW, "alike"))
    assert lend_cache(root / "results", "two", alike, ["one"]) is None


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
