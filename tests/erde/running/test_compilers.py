"""A training finds the compiler and the GPU that it needs, or is refused before any image."""

import pytest

from erde.running import compilers
from erde.running.asking.questions import Questions
from erde.running.compilers import check_compilers, check_graphs
from erde.running.plan import check_before_any_job
from erde_core.errors import ErdeError
from erde_torch.training.settings import TrainSettings
from tests.erde.running.test_estimate import experiment


@pytest.fixture
def found(monkeypatch):
    """The programs that there are; none at first."""
    programs = []
    monkeypatch.setattr(compilers.shutil, "which", lambda name: name in programs or None)
    for variable in ("CC", "CXX"):
        monkeypatch.delenv(variable, raising=False)
    return programs


def compiled(part):
    return {part: TrainSettings(epochs=3, compile=True)}


@pytest.mark.parametrize("part", ["teacher", "student"])
@pytest.mark.parametrize(
    ("on_gpu", "missing"),
    [
        (False, "no g++: install one, or name yours in the variable CXX"),
        (True, "no gcc or clang: install one, or name yours in the variable CC"),
    ],
)
def test_without_a_compiler_the_key_is_named(found, part, on_gpu, missing):
    with pytest.raises(ErdeError) as caught:
        check_compilers(compiled(part), on_gpu)
    assert str(caught.value) == (
        f"{part}.train.compile must be false where there is no compiler, got true and {missing}"
    )


@pytest.mark.parametrize(("program", "on_gpu"), [("g++", False), ("gcc", True), ("clang", True)])
def test_with_one_it_passes(found, program, on_gpu):
    found.append(program)
    check_compilers(compiled("teacher"), on_gpu)


def test_what_the_environment_names_is_what_is_called(found, monkeypatch):
    found.append("g++")
    monkeypatch.setenv("CXX", "icpx")
    with pytest.raises(ValueError, match="no icpx: "):
        check_compilers(compiled("student"), on_gpu=False)


def test_nobody_else_needs_one(found):
    check_compilers({"teacher": TrainSettings(epochs=3)}, on_gpu=False)


def test_the_plan_looks_unless_jobs_run_elsewhere_or_all_is_trained(found, tmp_path):
    network = {"name": "resnet10", "width": 1 / 16}
    asked = experiment(student={"network": network, "train": {"epochs": 3, "compile": True}})
    check_before_any_job(asked, tmp_path, None, None, Questions())
    with pytest.raises(ValueError, match=r"student\.train\.compile must be false"):
        check_before_any_job(asked, tmp_path, None, 16_000, Questions())
    for folder in asked.trainings():
        for seed in asked.seeds:
            (tmp_path / folder / f"seed{seed}").mkdir(parents=True)
            (tmp_path / folder / f"seed{seed}/weights.safetensors").touch()
    check_before_any_job(asked, tmp_path, None, 16_000, Questions())


def test_a_graph_without_a_gpu_names_the_key():
    asked = {"student": TrainSettings(epochs=3, graph=True)}
    with pytest.raises(ErdeError) as caught:
        check_graphs(asked, on_gpu=False)
    assert str(caught.value) == "student.train.graph must be false where no GPU is used, got true"
    check_graphs(asked, on_gpu=True)
    for graph in (False, "auto"):
        check_graphs({"student": TrainSettings(epochs=3, graph=graph)}, on_gpu=False)


def test_the_plan_refuses_a_graph_unless_jobs_run_elsewhere(tmp_path):
    network = {"name": "resnet10", "width": 1 / 16}
    asked = experiment(student={"network": network, "train": {"epochs": 3, "graph": True}})
    check_before_any_job(asked, tmp_path, None, None, Questions())
    with pytest.raises(ValueError, match=r"student\.train\.graph must be false"):
        check_before_any_job(asked, tmp_path, None, 16_000, Questions())
