"""Lists of values: one teacher, one cache, a student per value and seed, and no more than asked."""

import copy
import csv
import shutil

import pytest
import yaml

from tests.workflow.conftest import TINY, finished_copy

BOTH = ("results/tiny_pareto.png", "results/tiny_values.png")
COMPARISON = {"sweep": 1, "plot": 1, "values": 1}
SWEEP = {"data": 1, "teacher": 1, "cache": 1, "verify": 1, "sweep": 1, "plot": 1, "values": 1}


def tiny(weights):
    listed = {"erde": {"method": "erde", "entropy_weight": weights}}
    return copy.deepcopy(TINY) | {"seeds": [0, 1], "variants": listed}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A copy in which two values and two seeds have been run, with a teacher that was there."""
    checkout = finished_copy(tmp_path_factory)
    shutil.rmtree(checkout.root / "results/tiny/erde")
    checkout.write_experiment("tiny", tiny([0, 0.3]))
    checkout.snakemake("--cores", "2", *BOTH)
    return checkout


def replanned(checkout, keys, *targets):
    checkout.write_experiment("tiny", keys)
    try:
        return checkout.plan(*targets)
    finally:
        checkout.write_experiment("tiny", tiny([0, 0.3]))


def test_the_shipped_sweep_is_one_teacher_one_cache_and_fifteen_students(checkout):
    targets = ("results/digits_sweep_pareto.png", "results/digits_sweep_values.png")
    assert checkout.plan(*targets) == SWEEP | {"student": 15, "exit_logits": 16}
    path = checkout.root / "workflow/experiments/digits_sweep.yaml"
    keys = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert len(keys["variants"]["erde"]["entropy_weight"]) == 3
    assert len(keys["seeds"]) == 5


def test_a_finished_sweep_has_nothing_to_do(swept):
    assert swept.plan(*BOTH) == {}
    assert sorted(path.name for path in (swept.root / "results/tiny").glob("erde*")) == [
        "erde-entropy_weight-0",
        "erde-entropy_weight-0.3",
    ]


def test_a_new_value_runs_its_own_students_and_the_comparison(swept):
    new = COMPARISON | {"student": 2, "exit_logits": 2}
    assert replanned(swept, tiny([0, 0.3, 1]), *BOTH) == new
    assert replanned(swept, tiny([1, 0, 0.3]), *BOTH) == new  # wherever it stands


def test_a_new_seed_runs_one_student_per_value(swept):
    keys = tiny([0, 0.3]) | {"seeds": [0, 1, 2]}
    assert replanned(swept, keys, *BOTH) == COMPARISON | {"student": 2, "exit_logits": 2}


def test_one_value_less_trains_nothing(swept):
    assert replanned(swept, tiny([0.3]), *BOTH) == COMPARISON


def test_the_spelling_of_a_value_changes_nothing(swept):
    assert replanned(swept, tiny([0.0, 3e-1]), *BOTH) == {}


def test_the_table_is_validations_choice_of_the_operating_points(swept):
    with open(swept.root / "results/tiny/values.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(swept.root / "results/tiny/pareto.csv", newline="", encoding="utf-8") as file:
        pareto = list(csv.DictReader(file))
    assert len(rows) == len({row["teacher_share"] for row in pareto}) * 2
    reached = [row for row in rows if row["status"] != "not reachable"]
    assert reached
    for row in reached:
        same = ("variant", "teacher_share")
        mine = [one for one in pareto if all(one[key] == row[key] for key in same)]
        mean = sum(float(one["test_accuracy"]) for one in mine) / len(mine)
        assert float(row["test_accuracy"]) == pytest.approx(mean)
        others = [one for one in reached if one["teacher_share"] == row["teacher_share"]]
        best = max(float(one["val_accuracy"]) for one in others)
        assert row["chosen"] == "0" or float(row["val_accuracy"]) == best


def test_without_a_list_there_is_no_such_picture(checkout):
    done = checkout.snakemake("--dry-run", "results/digits_values.png", check=False)
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    assert "experiment 'digits' must list values of a setting to compare them" in said
    assert "Traceback" not in said


def test_a_wrong_list_is_refused_before_any_job(checkout):
    checkout.write_experiment("bad", tiny([0.3, 0.3]))
    done = checkout.snakemake("--cores", "1", "results/bad_pareto.png", check=False)
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    assert "bad.yaml: variants.erde: entropy_weight must list values that differ" in said
    assert not (checkout.root / "results").exists()
