import dataclasses
import math

import numpy as np
import pytest

from erde.evaluation.pareto import (
    CURVE_BUDGETS,
    TEACHER_SHARES,
    budget_row,
    budget_rows,
    check_comparable,
    curve_rows,
    teacher_rows,
)
from erde_core.scores.scored_logits import score_logits
from erde_core.store.exit_logits import ExitLogits, SplitLogits

MACS = np.array([10, 30, 60])


def split(first_margins, first_right, last_right):
    """Two classes, label 0. At exit 0 the answer has the given margin, and is right or not; exit 1
    is so unsure that nobody leaves there; exit 2 decides for the rest."""
    count = len(first_margins)
    logits = np.zeros((count, 3, 2), np.float32)
    logits[np.arange(count), 0, 1 - np.array(first_right)] = first_margins
    logits[:, 1, 0] = 1e-3
    logits[np.arange(count), 2, 1 - np.array(last_right)] = 5
    return SplitLogits(logits, np.zeros(count, np.int64), np.arange(count))


def entropy_of(margin):
    """Of two classes whose logits differ by ``margin``, in nats."""
    p = 1 / (1 + math.exp(-margin))
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def between(margin, other):
    return (entropy_of(margin) + entropy_of(other)) / 2


@pytest.fixture
def student():
    """On validation, k = 0 … 4 samples leave at exit 0:
    accuracy 3/4, 3/4, 4/4, 3/4, 2/4 for 60, 47.5, 35, 22.5, 10 MACs."""
    val = split([8, 6, 4, 2], [1, 1, 0, 0], [1, 0, 1, 1])
    test = split([7, 1, 1, 1], [0, 1, 1, 1], [1, 1, 0, 0])
    return score_logits("entropy", ExitLogits(val, test, MACS, "d" * 64, "n" * 64))


@pytest.fixture
def teacher():
    """300 MACs: the budgets are 60, 50, 37.5, 30 and 25."""
    val, test = split([1, 1], [1, 0], [1, 1]), split([1, 1, 1], [1, 0, 0], [1, 1, 0])
    return ExitLogits(val, test, np.array([100, 200, 300]), "d" * 64, "t" * 64)


def test_budgets_by_hand(teacher, student):
    rows = budget_rows(teacher, {("erde", 3): student})
    assert [row["teacher_share"] for row in rows] == ["1/5", "1/6", "1/8", "1/10", "1/12"]
    assert [row["budget_macs"] for row in rows] == [60, 50, 37.5, 30, 25]
    assert {(row["variant"], row["seed"]) for row in rows} == {("erde", 3)}
    assert [row["status"] for row in rows] == ["saturated", "ok", "ok", "ok", "ok"]
    assert [row["val_accuracy"] for row in rows] == [1, 1, 1, 0.75, 0.75]
    assert [row["val_mean_macs"] for row in rows] == [35, 35, 35, 22.5, 22.5]
    for row in rows[:3]:
        assert row["threshold_nats"] == pytest.approx(between(6, 4), rel=1e-5)
    for row in rows[3:]:
        assert row["threshold_nats"] == pytest.approx(between(4, 2), rel=1e-5)


def test_the_chosen_point_is_measured_on_test(teacher, student):
    """At both thresholds the one sure test sample leaves, wrong; of the others one is right."""
    for row in budget_rows(teacher, {("erde", 3): student}):
        assert row["test_accuracy"] == 0.25
        assert row["test_mean_macs"] == (10 + 3 * 60) / 4
        assert [row[f"test_share_exit{e}"] for e in range(3)] == [0.25, 0, 0.75]


def test_nothing_of_the_test_split_is_looked_at_to_choose(teacher, student):
    chosen = ("threshold_nats", "val_accuracy", "val_mean_macs", "status", "budget_macs")
    before = budget_rows(teacher, {("erde", 3): student})
    for test in (split([0.1] * 9, [1] * 9, [0] * 9), student.val, split([9], [1], [0])):
        other = dataclasses.replace(student, test=test)
        after = budget_rows(teacher, {("erde", 3): other})
        for row, changed in zip(before, after, strict=True):
            assert [row[name] for name in chosen] == [changed[name] for name in chosen]
        assert [r["test_accuracy"] for r in before] != [r["test_accuracy"] for r in after]


def test_budget_below_the_first_exit_is_not_reachable(student):
    row = budget_row(student, 9.9)
    assert row.pop("status") == "not reachable"
    assert row.pop("budget_macs") == 9.9
    assert set(row.values()) == {None}
    assert row.keys() == budget_row(student, 60).keys() - {"status", "budget_macs"}


def test_budget_of_exactly_the_first_exit(student):
    row = budget_row(student, 10.0)
    assert (row["status"], row["val_accuracy"], row["val_mean_macs"]) == ("ok", 0.5, 10.0)
    assert row["threshold_nats"] == pytest.approx(2 * math.log(2))
    assert row["test_mean_macs"] == 10.0


def test_budgets_are_these_shares_of_the_teacher():
    assert TEACHER_SHARES == (5, 6, 8, 10, 12)


def test_curve_by_hand(student):
    """On test, k = 0, 1, 4 samples leave (three tie): 60, 47.5, 10 MACs at 2/4, 1/4 and 3/4."""
    rows = curve_rows({("kd", 0): student, ("erde", 1): student})
    assert len(rows) == 2 * CURVE_BUDGETS
    assert [row["variant"] for row in rows] == ["kd"] * CURVE_BUDGETS + ["erde"] * CURVE_BUDGETS
    budgets = [row["budget_macs"] for row in rows[:CURVE_BUDGETS]]
    assert (budgets[0], budgets[-1]) == (10, 60)
    assert {row["test_accuracy"] for row in rows} == {0.75}


def test_curve_rises_where_a_dearer_point_is_better(student):
    other = dataclasses.replace(student, test=student.val)
    for row in curve_rows({("kd", 0): other}):
        cost = row["budget_macs"]
        wanted = 1 if cost >= 35 else 0.75 if cost >= 22.5 else 0.5
        assert row["test_accuracy"] == wanted


def test_teachers_own_exits(teacher):
    rows = teacher_rows(teacher)
    assert [row["exit"] for row in rows] == [0, 1, 2]
    assert [row["macs"] for row in rows] == [100, 200, 300]
    assert [row["val_accuracy"] for row in rows] == [0.5, 1, 1]
    assert [row["test_accuracy"] for row in rows] == pytest.approx([1 / 3, 1, 2 / 3])


def test_students_of_another_data_set_are_refused(teacher, student):
    check_comparable(teacher, {("kd", 0): student})
    other = dataclasses.replace(student, dataset="e" * 64)
    with pytest.raises(
        ValueError, match="kd/seed1 must be measured on the teacher's data set dddd"
    ):
        check_comparable(teacher, {("kd", 0): student, ("kd", 1): other})
