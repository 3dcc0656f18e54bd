"""What is refused before the first job: trainings that this machine's memory cannot hold."""

import copy

import pytest

from erde.experiment.schema import parse_experiment
from erde.running.cluster.needs import least_need, memory_mb
from erde.running.plan import PlanError, check_before_any_job
from tests.erde.running.cluster.test_needs import JOBS, KEYS

LARGE = {"train": {"epochs": 1, "batch_size": 20_000}}


def experiment(**changes):
    return parse_experiment(copy.deepcopy(KEYS) | changes, "test")


def refused(exp, results, machine_mb, on_gpu=False):
    with pytest.raises(PlanError) as caught:
        check_before_any_job(exp, results, None, machine_mb, on_gpu=on_gpu)
    return str(caught.value)


@pytest.mark.parametrize("part", ["teacher", "student"])
def test_a_training_that_no_memory_holds_is_refused_with_what_would_fit(tmp_path, part):
    exp = experiment(**{part: LARGE})
    need = least_need(exp, part, on_gpu=False)
    said = refused(exp, tmp_path, 16_000)
    assert said.startswith(f"{part}: this job takes at least {need.memory_mb:,} MB of memory")
    assert "this machine has 16,000: take a batch_size of at most" in said
    fitting = int(said.split("at most ")[1].split(",")[0])
    check_before_any_job(
        experiment(**{part: {"train": {"epochs": 1, "batch_size": fitting}}}),
        tmp_path,
        None,
        16_000,
    )


def test_a_cache_that_no_memory_holds_is_refused(tmp_path):
    exp = experiment(dataset=KEYS["dataset"])
    need = least_need(exp, "cache", on_gpu=True).memory_mb
    said = refused(exp, tmp_path, need - 1, on_gpu=True)
    assert said.startswith("dataset: preparing it takes at least")
    (tmp_path / "data.h5").touch()
    (tmp_path / "teacher").mkdir()
    (tmp_path / "teacher/weights.safetensors").touch()
    assert refused(exp, tmp_path, need - 1, on_gpu=True).startswith("cache: this job takes")


def test_nothing_is_refused_on_a_cluster_on_a_gpu_or_when_it_is_made(tmp_path):
    exp = experiment(teacher=LARGE)
    check_before_any_job(exp, tmp_path, None, None)
    check_before_any_job(exp, tmp_path, None, 16_000, on_gpu=True)
    (tmp_path / "teacher").mkdir()
    (tmp_path / "teacher/weights.safetensors").touch()
    check_before_any_job(exp, tmp_path, None, 16_000)


@pytest.mark.parametrize("job", ["teacher", "cache", "student"])
def test_a_refusal_needs_far_less_than_is_asked_of_a_scheduler(job):
    assert job in JOBS
    assert least_need(experiment(), job, on_gpu=False).memory_mb < memory_mb(experiment(), job) / 3
