import os
from types import SimpleNamespace

import pytest
import torch
import yaml

from erde.running.training import training_script
from erde.running.training.training_script import check_devices, run_training
from tests.workflow.conftest import TINY


@pytest.fixture
def job(tmp_path, monkeypatch):
    """``job(processes)``: what Snakemake hands to a script that trains a teacher."""
    monkeypatch.chdir(tmp_path)

    def make(processes, device="cpu", threads=3):
        train = TINY["teacher"]["train"] | {"processes": processes, "threads": threads}
        keys = TINY | {"teacher": TINY["teacher"] | {"train": train}}
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(keys), encoding="utf-8")
        return SimpleNamespace(
            params=SimpleNamespace(device=device, code="code"),
            wildcards=SimpleNamespace(experiment="tiny"),
            config={"experiments": str(tmp_path), "checkpoint_seconds": 7, "students_per_gpu": 1},
            resources=SimpleNamespace(gpu=0),
            log=[str(tmp_path / "log")],
            threads=6,
        )

    return make


@pytest.fixture
def launched(monkeypatch):
    """What was asked to be launched, without launching it."""
    asked = []
    monkeypatch.setattr(training_script, "launch", lambda *wanted: asked.append(wanted))
    return asked


def test_one_process_is_this_one_and_holds_the_folder(job, launched, tmp_path):
    seen = []
    run_training(job(1), "script.py", "teacher", "teacher", seen.append)
    (host,) = seen
    assert launched == []
    assert host.folder.joinpath("lock").exists()
    assert (host.processes.count, host.checkpoint_seconds) == (1, 7)
    assert "[tiny · teacher] done in " in (tmp_path / "log").read_text(encoding="utf-8")


def ask(path, key):
    """Let the experiment in ``path`` say ``key: true`` of the teacher's training."""
    keys = yaml.safe_load(path.read_text(encoding="utf-8"))
    keys["teacher"]["train"][key] = True
    path.write_text(yaml.safe_dump(keys), encoding="utf-8")


def test_what_cannot_be_compiled_is_refused_before_any_work(job, launched, monkeypatch, tmp_path):
    """On the node itself, where the plan could not look."""
    asked, seen = job(1), []
    ask(tmp_path / "tiny.yaml", "compile")
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(SystemExit):
        run_training(asked, "script.py", "teacher", "teacher", seen.append)
    assert seen == []
    assert "got true and no no-such-compiler" in (tmp_path / "log").read_text(encoding="utf-8")


def test_a_graph_reaches_the_training_or_is_refused_before_any_work(job, monkeypatch, tmp_path):
    """No param of the rule says it, for it changes no result."""
    asked, seen = job(1), []
    ask(tmp_path / "tiny.yaml", "graph")
    with pytest.raises(SystemExit):
        run_training(asked, "script.py", "teacher", "teacher", seen.append)
    assert seen == []
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert "teacher.train.graph must be false where no GPU is used, got true" in said
    monkeypatch.setattr(training_script, "check_graphs", lambda asked, on_gpu: None)
    run_training(asked, "script.py", "teacher", "teacher", seen.append)
    run_training(job(1), "script.py", "teacher", "teacher", seen.append)
    assert [host.graph for host in seen] == [True, False]


def test_several_processes_are_launched(job, launched):
    seen, asked = [], job(2)
    run_training(asked, "script.py", "teacher", "teacher", seen.append)
    assert launched == [(asked, "script.py", 2, 3)]
    assert seen == []  # the work is theirs


def test_open_threads_are_those_of_the_job_shared_by_its_processes(job, launched):
    run_training(job(2, threads="auto"), "script.py", "teacher", "teacher", print)
    assert launched[0][2:] == (2, 3)
    seen = []
    run_training(job(1, threads="auto"), "script.py", "teacher", "teacher", seen.append)
    assert seen[0].threads == 6


def test_their_gpus_are_claimed_before_they_start(job, launched, monkeypatch):
    claimed = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(
        training_script, "claim_for_children", lambda n, say: claimed.append((n, len(launched)))
    )
    run_training(job(2, "cuda"), "script.py", "teacher", "teacher", print)
    assert claimed == [(2, 0)]
    assert len(launched) == 1
    run_training(job(2), "script.py", "teacher", "teacher", print)  # on the CPU
    assert len(claimed) == 1


def test_several_processes_of_a_job_without_a_gpu_find_none(job, launched, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(training_script, "claim_for_children", None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,2")
    asked = job(2, "auto")
    asked.config["gpu_for_auto"] = False
    run_training(asked, "script.py", "teacher", "teacher", print)
    assert len(launched) == 1
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_more_processes_than_gpus_are_refused_before_any_starts(job, launched, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(SystemExit):
        run_training(job(2, "cuda"), "script.py", "teacher", "teacher", print)
    assert launched == []
    said = capsys.readouterr().err
    assert said.endswith(
        "error: train.processes must be at most the 1 GPUs that PyTorch sees, got 2\n"
    )
    assert said.count("\n") == 1


def test_as_many_processes_as_gpus_or_any_number_on_a_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_devices(torch.device("cuda"), 2)
    check_devices(torch.device("cpu"), 5)


def test_a_broken_experiment_file_is_one_sentence(job, capsys, tmp_path):
    asked = job(1)
    (tmp_path / "tiny.yaml").write_text("teacher: 3", encoding="utf-8")
    with pytest.raises(SystemExit):
        run_training(asked, "script.py", "teacher", "teacher", print)
    said = capsys.readouterr().err
    assert "error: " in said
    assert said.count("\n") == 1
