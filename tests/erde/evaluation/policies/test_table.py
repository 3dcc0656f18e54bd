"""Policies: thresholds from one half of validation, measured on test, chosen on the other half."""

import dataclasses

import numpy as np
import pytest

from erde.evaluation.pareto import TEACHER_SHARES
from erde.evaluation.policies.table import halves_of, policy_tables
from erde.evaluation.tables import POLICIES, POLICIES_OVERALL
from erde.evaluation.tables.rows import where
from erde_core.outcomes import right_answers
from erde_core.policy import exit_indices
from erde_core.scores.fitted import LABELS, fit_score
from erde_core.scores.split import part
from erde_core.store.exit_logits import ExitLogits
from tests.erde.evaluation.networks import MACS, network, split

KEY = ("erde", 3)


def logits(seed, samples):
    found = network(seed, samples=samples)
    return ExitLogits(found.val, found.test, found.macs, found.dataset, found.network)


def teacher(last):
    found = logits(99, 40)
    return dataclasses.replace(found, macs=np.array([60, 80, last]))


STUDENT = logits(0, 400)


@pytest.fixture(scope="module")
def tables():
    """Budgets of 48 (above the student's 40 MACs), 40, 30, 24 and 20."""
    return policy_tables(teacher(240), {KEY: STUDENT})


def test_they_are_written_and_read_back(tables, tmp_path):
    for table, rows in zip((POLICIES, POLICIES_OVERALL), tables, strict=True):
        table.write(tmp_path / "x.csv", rows)
        assert table.read(tmp_path / "x.csv") == rows


def test_each_row_is_what_its_thresholds_give(tables):
    rows, _ = tables
    assert len(rows) == 2 * len(LABELS) * 5
    fit, rest = halves_of(STUDENT.val)
    right = {"val": right_answers(rest), "test": right_answers(STUDENT.test)}
    for row in rows:
        score = fit_score(row["score"], fit.logits, fit.labels)
        theta = [row["theta_exit0"], row["theta_exit1"]]
        if row["thresholds"] == "one":
            assert theta[0] == theta[1]
        for name, images in (("val", rest), ("test", STUDENT.test)):
            left_at = exit_indices(score.values(images.logits), theta)
            answers = right[name][np.arange(len(left_at)), left_at]
            assert row[f"{name}_accuracy"] == pytest.approx(answers.mean())
            assert row[f"{name}_mean_macs"] == pytest.approx(MACS[left_at].mean())
        assert row["val_mean_macs"] <= row["budget_macs"]
        (base,) = where(rows, score="entropy", thresholds="one", teacher_share=row["teacher_share"])
        gain = row["test_accuracy"] - base["test_accuracy"]
        assert row["difference"] == pytest.approx(gain, abs=1e-12)
        assert (row["status"] == "saturated") == (row["teacher_share"] in ("1/5", "1/6"))


def test_one_threshold_per_exit_is_never_worse_where_it_is_chosen(tables):
    rows, _ = tables
    for one in where(rows, thresholds="one"):
        same = {name: one[name] for name in ("score", "teacher_share")}
        (each,) = where(rows, thresholds="each", **same)
        assert each["val_accuracy"] >= one["val_accuracy"]


def test_the_mean_over_all_budgets(tables):
    rows, overall = tables
    assert len(overall) == 2 * len(LABELS)
    for row in overall:
        mine = where(rows, score=row["score"], thresholds=row["thresholds"])
        mean = np.mean([r["difference"] for r in mine])
        assert row["difference"] == pytest.approx(mean, abs=1e-12)
        low, high = row["these_seeds_low"], row["these_seeds_high"]
        assert low <= row["difference"] <= high
    assert overall[0]["difference"] == overall[0]["val_difference"] == 0
    assert overall[0]["macs_ratio"] == 1
    assert sum(row["chosen"] for row in overall) == 1


def test_the_choice_looks_at_the_fit_half_alone(tables):
    _, overall = tables
    rng = np.random.default_rng(5)
    fit, rest = halves_of(STUDENT.val)
    val = STUDENT.val
    others = val.logits.copy()
    others[np.isin(val.group, rest.group)] = rng.normal(size=rest.logits.shape)
    changed = dataclasses.replace(
        STUDENT, val=dataclasses.replace(val, logits=others), test=split(rng, 400, 0.2)
    )
    assert np.array_equal(halves_of(changed.val)[0].logits, fit.logits)
    _, again = policy_tables(teacher(240), {KEY: changed})
    for name in ("chosen", "val_difference"):
        assert [row[name] for row in again] == [row[name] for row in overall]
    assert [row["difference"] for row in again] != [row["difference"] for row in overall]


def test_too_few_images_for_halves_leave_the_bare_scores():
    few = part(STUDENT.val, STUDENT.val.group < 150)
    rows, overall = policy_tables(teacher(240), {KEY: dataclasses.replace(STUDENT, val=few)})
    assert {row["score"] for row in rows} == {"entropy", "max_prob", "margin"}
    assert not any(row["chosen"] for row in overall)
    assert {row["val_difference"] for row in overall} == {None}


def test_budgets_are_the_students_where_nobody_knows_the_teachers_macs():
    rows, overall = policy_tables(teacher(0), {KEY: STUDENT})
    assert {row["budget_of"] for row in rows} == {"student"}
    assert [row["budget_macs"] for row in rows[:5]] == [MACS[-1] / s for s in TEACHER_SHARES]
    assert {row["budget_of"] for row in policy_tables(teacher(240), {KEY: STUDENT})[0]} == {
        "teacher"
    }
    small = dataclasses.replace(STUDENT, macs=np.array([2, 20, 40]))
    rows, overall = policy_tables(teacher(0), {KEY: small})
    assert {row["status"] for row in rows} == {"ok"}
    assert overall


def test_a_budget_below_the_first_exit():
    few = part(STUDENT.val, STUDENT.val.group < 50)
    student = dataclasses.replace(STUDENT, val=few)
    rows, overall = policy_tables(teacher(90), {KEY: student})
    status = {row["teacher_share"]: row["status"] for row in rows}
    assert status == {"1/5": "ok", "1/6": "ok", "1/8": "ok", "1/10": "not reachable"} | {
        "1/12": "not reachable"
    }
    assert rows[-1]["theta_exit0"] is rows[-1]["test_accuracy"] is None
    rows, overall = policy_tables(teacher(45), {KEY: student})
    assert {row["status"] for row in rows} == {"not reachable"}
    assert overall == []
