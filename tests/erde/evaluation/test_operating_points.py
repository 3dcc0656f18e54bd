"""Thresholds to deploy: statuses, what is empty, and the network they belong to."""

import dataclasses

import numpy as np
import pytest

from erde.evaluation.operating_points import DELTA, EPSILONS, operating_rows, per_exit_rows
from erde.evaluation.pareto import budget_rows
from erde_core.outcomes import outcomes
from tests.erde.evaluation.networks import MACS, network


def teacher_costing(macs):
    return dataclasses.replace(network(9), macs=np.array([1, 2, macs]))


def chosen(teacher, students):
    return operating_rows(students, budget_rows(teacher, students))


def test_budgets_out_of_reach_and_beyond_need():
    student = network(0)
    rows = chosen(teacher_costing(100), {("kd", 0): student})
    status = {(r["goal"], r["value"]): r for r in rows}
    assert status["teacher_share", "1/5"]["status"] == "ok"
    assert status["teacher_share", "1/12"]["status"] == "not reachable"
    assert status["teacher_share", "1/12"]["threshold_nats"] is None
    assert all(r["weights_sha256"] == student.network for r in rows)
    rich = chosen(teacher_costing(1000), {("kd", 0): student})
    assert rich[0]["status"] == "saturated"
    assert rich[0]["val_mean_macs"] <= MACS[-1]


def test_certificates_count_groups():
    # 200 images in 100 groups; log(0.0125) / log(0.98) = 216.9 and / log(0.95) = 85.4
    rows = chosen(teacher_costing(100), {("kd", 0): network(0)})
    found = {r["value"]: r for r in rows if r["goal"] == "certified"}
    assert found["0.02"]["status"] == "needs 217 images"
    assert found["0.05"]["status"] == "ok"
    assert all(r["delta"] == DELTA / len(EPSILONS) for r in found.values())


def test_outcomes_by_hand():
    student = network(0)
    right, harmed, exits = outcomes(student.test, 99.0)
    first, last = (student.test.logits[:, e].argmax(1) == student.test.labels for e in (0, 2))
    assert (exits == 0).all()
    assert np.array_equal(right, first)
    assert np.array_equal(harmed, ~first & last)


def test_one_threshold_per_exit_beside_one_for_all():
    rows = per_exit_rows(teacher_costing(100), {("kd", s): network(s) for s in (0, 1)})
    assert [r["status"] for r in rows] == ["ok", "ok", "ok", "ok", "not reachable"]
    for row in rows[:4]:
        assert row["difference"] == pytest.approx(row["each_accuracy"] - row["one_accuracy"])
        assert row["these_seeds_low"] <= row["difference"] <= row["these_seeds_high"]
    assert list(rows[4]) == list(rows[0])
