"""What Snakemake runs again after an edit: what the edit changes, and nothing else."""

import contextlib
import copy

import pytest

from erde.evaluation.tables import HISTORY
from tests.workflow.conftest import TINY, add_statements, put_back, what_trains_nothing

TARGET = "results/tiny_pareto.png"
ERDE_ONLY = {"student": 1, "exit_logits": 1, "sweep": 1, "plot": 1}
ALL_STUDENTS = {"student": 3, "exit_logits": 3, "sweep": 1, "plot": 1}

TAUGHT_ANEW = {"student": 2, "exit_logits": 2}  # ce has no teacher


@contextlib.contextmanager
def edited(checkout, path, old, new):
    file = checkout.root / path
    before = file.read_text(encoding="utf-8")
    assert old in before
    file.write_text(before.replace(old, new, 1), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


def with_(path, value):
    keys = copy.deepcopy(TINY)
    inner = keys
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return keys


def replanned(checkout, keys):
    checkout.write_experiment("tiny", keys)
    try:
        return checkout.plan(TARGET)
    finally:
        checkout.write_experiment("tiny", TINY)


def test_a_finished_run_has_nothing_to_do(finished):
    assert finished.plan(TARGET) == {}


def test_the_weight_of_one_variant_reruns_that_variant(finished):
    assert replanned(finished, with_(["variants", "erde", "entropy_weight"], 0.7)) == ERDE_ONLY


def test_the_training_of_one_variant_reruns_that_variant(finished):
    for train in ({"kd_warmup": 1}, {"gradient_scaling": "equilibrium", "epochs": 3}):
        assert replanned(finished, with_(["variants", "erde", "train"], train)) == ERDE_ONLY


def test_folds_train_teachers_of_their_own_and_not_the_teacher_of_all_images(finished):
    plan = replanned(finished, with_(["teacher", "folds"], 2))
    assert plan == {"teacher": 2, "cache": 1, "verify": 1, **ALL_STUDENTS, **TAUGHT_ANEW}


@pytest.mark.parametrize(
    ("part", "key", "read"),
    [("teacher", "trained", "teacher"), ("student", "network.weights", "kd/seed0")],
)
def test_what_a_plan_reads_is_not_made_anew_by_the_same_command(finished, part, key, read):
    """It would call finished, or train, by the content that is about to be replaced."""
    file = f"results/tiny/{read}/weights.safetensors"
    network, train = TINY[part]["network"], TINY[part]["train"]
    own = {"network": network, "trained": file}
    if part == "student":
        own = {"network": network | {"weights": file}, "train": train}
    finished.write_experiment("reader", TINY | {part: own, "variants": {"kd": {"method": "kd"}}})
    finished.write_experiment("tiny", with_([part, "train", "weight_decay"], 1e-3))
    targets = file, "results/reader/kd/seed0/weights.safetensors"
    try:
        done = finished.snakemake("--cores", "1", *targets, check=False)
    finally:
        finished.write_experiment("tiny", TINY)
    said = f"reader.yaml: {part}.{key} must be finished when its readers are planned, got '{file}'"
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert not (finished.root / "results/reader").exists()
    assert finished.plan(file) == {}


def test_a_training_of_its_own_that_is_the_students_reruns_nothing(finished):
    for train in ({}, {"epochs": 2, "kd_warmup": 0, "batch_size": 50}):
        assert replanned(finished, with_(["variants", "erde", "train"], train)) == {}


def test_variants_of_one_experiment_learn_each_by_its_own_training(finished):
    own = {"warm": {"kd_warmup": 2}, "even": {"gradient_scaling": "equilibrium"}}
    own["long"] = {"epochs": 3}
    variants = {name: {"method": "kd", "train": train} for name, train in own.items()}
    targets = [f"results/tiny/{name}/seed0/weights.safetensors" for name in own]
    with put_back(finished):
        finished.write_experiment("tiny", with_(["variants"], TINY["variants"] | variants))
        try:
            assert finished.plan(*targets) == {"student": 3}
            finished.snakemake("--cores", "2", *targets)
        finally:
            finished.write_experiment("tiny", TINY)
        folders = [finished.root / f"results/tiny/{name}/seed0" for name in ("kd", *own)]
        weights = {(folder / "weights.safetensors").read_bytes() for folder in folders}
        epochs = [len(HISTORY.read(folder / "history.csv")) for folder in folders]
        log = (finished.root / "results/tiny/logs/long/seed0.log").read_text(encoding="utf-8")
    assert len(weights) == 4
    assert epochs == [2, 2, 2, 3]
    assert "epoch 3/3" in log


def test_a_new_seed_trains_new_students_only(finished):
    assert replanned(finished, with_(["seeds"], [0, 5])) == ALL_STUDENTS


def test_the_students_epochs_leave_teacher_and_cache_alone(finished):
    assert replanned(finished, with_(["student", "train", "epochs"], 3)) == ALL_STUDENTS


def test_the_teachers_settings_rerun_the_teacher(finished):
    plan = replanned(finished, with_(["teacher", "train", "weight_decay"], 1e-3))
    assert plan["teacher"] == plan["cache"] == plan["verify"] == 1
    assert plan["student"] == 2  # ce has no teacher


def test_an_edit_of_the_loss_reruns_students_and_not_the_teacher(finished):
    old = "return temperature**2 * "
    with edited(finished, "erde_torch/loss.py", old, "return 2 * temperature**2 * "):
        assert finished.plan(TARGET) == ALL_STUDENTS


def test_a_comment_reruns_nothing(finished):
    with contextlib.ExitStack() as edits:
        for path in ("erde_torch/loss.py", "erde_torch/training/loop.py", "erde_core/views.py"):
            edits.enter_context(edited(finished, path, "\nimport ", "\n# A remark.\nimport "))
        assert finished.plan(TARGET) == {}


def test_an_edit_of_the_figure_draws_again(finished):
    with edited(finished, "erde/pictures/pareto.py", "test accuracy (%)", "accuracy (%)"):
        assert finished.plan(TARGET) == {"plot": 1}


def test_options_of_the_run_rerun_nothing(finished):
    options = ("checkpoint_seconds=7", "students_per_gpu=2", "data=elsewhere")
    assert finished.plan(TARGET, "--config", *options) == {}


TRAINED = {"data", "teacher", "cache", "student"}


def test_an_edit_of_what_runs_or_shows_trains_nothing_again(finished):
    """Every such module at once: what all of them do not plan, none of them does."""
    before = {path: path.read_text(encoding="utf-8") for path in what_trains_nothing(finished)}
    assert len(before) > 100
    try:
        add_statements(before)
        plan = finished.plan(TARGET)
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
    assert not TRAINED & set(plan)
    assert plan["plot"] == 1  # the edits were seen


def test_after_a_run_that_failed_the_same_command_goes_on(finished):
    """Snakemake removed what was to be trained anew; the picture made from it is still there."""
    student = "erde_torch/training/student.py"
    broken = ("\ndef train_student(", "\n1 / 0\n\n\ndef train_student(")
    with put_back(finished), edited(finished, student, *broken):
        failed = finished.snakemake("--cores", "2", "--keep-going", TARGET, check=False)
        assert failed.returncode
        assert not list(finished.root.glob("results/tiny/*/seed0/weights.safetensors"))
        assert finished.plan(TARGET)["student"] == 3


def test_what_is_needed_no_more_may_be_removed(finished):
    weights = finished.root / "results/tiny/kd/seed0/weights.safetensors"
    kept = weights.rename(finished.root / "kept")
    try:
        assert finished.plan(TARGET) == {}  # somebody made room
    finally:
        kept.rename(weights)
