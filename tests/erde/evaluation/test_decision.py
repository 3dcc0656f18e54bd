"""What to ship is chosen on validation alone and held against the teacher, image by image."""

import dataclasses

import numpy as np
import pytest

from erde.evaluation.decision import decision_rows
from erde.evaluation.pareto import budget_rows
from erde.evaluation.tables.rows import mean_of, where
from erde_core.outcomes import outcomes, right_answers
from erde_core.scores.fitted import LABELS
from erde_core.scores.split import rest_of
from tests.erde.report.sources import MACS, TEACHER_MACS, network

TEACHER = network(99, 2.0, TEACHER_MACS)
STUDENTS = {
    (v, s): network(10 * i + s, lift)
    for i, (v, lift) in enumerate((("kd", 0.5), ("erde", 1.2), ("ce", 0.1)))
    for s in (0, 1, 2)
}


def decide(students=STUDENTS, teacher=TEACHER):
    pareto = budget_rows(teacher, students)
    return decision_rows(teacher, students, pareto), pareto


def test_validation_chooses_the_variant_and_of_it_the_network():
    rows, pareto = decide()
    assert [row["teacher_share"] for row in rows] == ["1/5", "1/6", "1/8", "1/10", "1/12"]
    for row in rows:
        offered = where(pareto, teacher_share=row["teacher_share"])
        means = {
            v: mean_of(where(offered, variant=v), "val_accuracy") for v in ("kd", "erde", "ce")
        }
        assert row["variant"] == max(means, key=means.get)
        seeds = where(offered, variant=row["variant"])
        assert row["val_accuracy"] == max(r["val_accuracy"] for r in seeds)
        (chosen,) = where(seeds, seed=row["seed"])
        for name in ("threshold_nats", "test_accuracy", "test_mean_macs", "status"):
            assert row[name] == chosen[name]
        student = STUDENTS[row["variant"], row["seed"]]
        assert row["weights_sha256"] == student.network


def test_nothing_of_the_test_split_is_looked_at_to_choose():
    flipped = {
        key: dataclasses.replace(s, test=dataclasses.replace(s.test, labels=s.test.labels[::-1]))
        for key, s in STUDENTS.items()
    }
    for row, other in zip(decide()[0], decide(flipped)[0], strict=True):
        for name in ("variant", "seed", "threshold_nats", "val_difference_high"):
            assert row[name] == other[name]


def test_validation_says_how_far_from_the_teacher_each_choice_may_be():
    for row in decide()[0]:
        student, teacher = STUDENTS[row["variant"], row["seed"]], right_answers(TEACHER.val)[:, -1]
        right, _, _ = outcomes(student.val, row["threshold_nats"])
        gain = right * 1.0 - teacher
        reach = 1.96 * gain.std() / np.sqrt(len(gain))
        assert row["val_difference_high"] - gain.mean() == pytest.approx(reach, rel=0.1)


@pytest.mark.parametrize("label", LABELS)
def test_by_any_score_teacher_and_students_are_held_against_each_other_on_the_same_images(label):
    students = {("kd", s): network(s, 0.5, label=label) for s in (0, 1)}
    kept = [row for row in decide(students)[0] if row["variant"]]
    judged = rest_of(label, TEACHER.val)
    assert kept
    for row in kept:
        student = students["kd", row["seed"]]
        assert np.array_equal(judged.labels, student.val.labels)
        theta = row["threshold_nats"] if label == "entropy" else row["threshold"]
        right, _, _ = outcomes(student.val, theta, student.score)
        gain = right * 1.0 - right_answers(judged)[:, -1]
        reach = 1.96 * gain.std() / np.sqrt(len(gain))
        assert row["val_difference_high"] - gain.mean() == pytest.approx(reach, rel=0.15)


def test_the_difference_is_from_the_teachers_last_exit():
    (row, *_), _ = decide()
    teacher = right_answers(TEACHER.test)[:, -1]
    assert row["teacher_accuracy"] == teacher.mean()
    assert row["teacher_macs"] == TEACHER_MACS[-1]
    right, _, _ = outcomes(STUDENTS[row["variant"], row["seed"]].test, row["threshold_nats"])
    gain = right.mean() - teacher.mean()
    assert row["difference"] == pytest.approx(gain)
    assert row["difference_low"] < gain < row["difference_high"]
    # Paired: images on which both agree are no noise.
    spread = np.std(right * 1.0 - teacher) / np.sqrt(len(teacher))
    assert row["difference_high"] - gain == pytest.approx(1.96 * spread, rel=0.1)


def test_who_trains_again_is_told_of_all_seeds():
    (row, *_), pareto = decide()
    mine = where(pareto, teacher_share=row["teacher_share"], variant=row["variant"])
    gains = [r["test_accuracy"] - row["teacher_accuracy"] for r in mine]
    assert row["again_difference"] == pytest.approx(np.mean(gains))
    assert row["seed_lowest"] == pytest.approx(min(gains))
    assert row["seed_highest"] == pytest.approx(max(gains))
    assert row["seeds"] == 3
    wide = row["again_high"] - row["again_low"]
    assert wide > row["difference_high"] - row["difference_low"]


def test_a_budget_that_nobody_meets_is_said_to_be_so():
    poor = dataclasses.replace(TEACHER, macs=np.array([1, 2, 6 * int(MACS[0])]))
    rows, _ = decide(teacher=poor)
    assert [row["status"] for row in rows] == ["ok", "ok", *["not reachable"] * 3]
    assert list(rows[-1]) == list(rows[0])
    assert rows[-1]["variant"] is None
    assert rows[-1]["teacher_accuracy"] == rows[0]["teacher_accuracy"]


def test_a_variant_of_which_one_seed_cannot_pay_is_not_chosen():
    pareto = budget_rows(TEACHER, STUDENTS)
    best = decision_rows(TEACHER, STUDENTS, pareto)[0]["variant"]
    row = where(pareto, variant=best, teacher_share="1/5")[1]
    row |= dict.fromkeys(("threshold_nats", "val_accuracy"))
    assert decision_rows(TEACHER, STUDENTS, pareto)[0]["variant"] != best
