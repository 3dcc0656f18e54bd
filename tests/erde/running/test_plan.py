"""What is refused before the first job: trainings that this machine's memory cannot hold."""

import copy

import pytest

from erde.experiment.schema import parse_experiment
from erde.running.asking.questions import Questions
from erde.running.plan import check_before_any_job
from erde_core.errors import ErdeError
from tests.erde.running.cluster.test_needs import KEYS

LARGE = {"train": {"epochs": 1, "batch_size": 20_000}}


def experiment(**changes):
    return parse_experiment(copy.deepcopy(KEYS) | changes, "test")


def check(exp, results, machine_mb, on_gpu=False):
    check_before_any_job(exp, results, None, machine_mb, Questions(), on_gpu=on_gpu)


def test_a_training_that_no_memory_holds_is_refused_with_what_would_fit(tmp_path):
    with pytest.raises(ErdeError) as caught:
        check(experiment(student=LARGE), tmp_path, 16_000)
    said = str(caught.value)
    assert said.startswith("student: batch_size 20000 of resnet10 × width 1 at 32 × 32 pixels must")
    assert "machine's 16,000 MB of memory, got at least" in said
    assert "take a batch_size of at most" in said


def test_a_variants_own_batch_must_fit_the_images(tmp_path):
    few = {"name": "digits", "train_images": 200, "canvas": 16}
    batch = {"train": {"epochs": 1, "batch_size": 50}}
    parts = {"dataset": few, "teacher": batch, "student": batch}
    large = {"kd": {"method": "kd"}, "large": {"method": "kd", "train": {"batch_size": 201}}}
    wanted = r"^variants\.large\.train\.batch_size must be at most the 200 training images, got 201"
    with pytest.raises(ErdeError, match=wanted):
        check(experiment(**parts, variants=large), tmp_path, None)


def test_how_the_work_is_done_is_the_students_for_a_variant_too(tmp_path):
    """The sentence names the key that may be changed."""
    student = {"train": {"epochs": 1, "graph": True}}
    own = {"kd": {"method": "kd", "train": {"epochs": 2}}}
    with pytest.raises(ErdeError, match=r"^student\.train\.graph must be false where no GPU"):
        check(experiment(student=student, variants=own), tmp_path, 64_000)


def test_a_score_that_validation_is_too_small_to_fit_is_refused(tmp_path):
    few = {"name": "cifar100", "validation": 199}
    wanted = r"score must be a bare one with fewer than 200 validation images.* got 'gate' and 199$"
    with pytest.raises(ErdeError, match=wanted):
        check(experiment(dataset=few, score="gate"), tmp_path, None)
    check(experiment(dataset=few, score="margin"), tmp_path, None)
    check(experiment(dataset=few | {"validation": 200}, score="gate"), tmp_path, None)


def test_nothing_is_refused_on_a_cluster_or_when_it_is_made(tmp_path):
    exp = experiment(teacher=LARGE)
    check(exp, tmp_path, None)
    (tmp_path / "teacher").mkdir()
    (tmp_path / "teacher/weights.safetensors").touch()
    check(exp, tmp_path, 16_000)
