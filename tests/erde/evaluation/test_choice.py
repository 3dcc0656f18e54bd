"""One answer to one question: tables, page and deployment choose alike for a budget."""

import base64

import numpy as np
import pytest

from erde.deployment.choice import choose_threshold
from erde.evaluation.choice import (
    Choice,
    choose_for_budget,
    measured,
    threshold_for_drop,
    threshold_within,
)
from erde.evaluation.operating_points import operating_rows
from erde.evaluation.pareto import budget_row, budget_rows
from erde.report.curves import choices
from erde_core.outcomes import split_sweep
from erde_core.sweep import best_index
from tests.erde.evaluation.networks import MACS, network

STUDENTS = [network(seed, lift) for seed, lift in enumerate((0.2, 1.0, 2.0))]


def budgets_of(student):
    """At, just below and just above every cost that there is, and far out on both sides."""
    costs = np.unique(split_sweep(student.val, student.macs).mean_macs)
    near = [np.nextafter(costs, 0), costs, np.nextafter(costs, 1e9), [5, 9.9, 41, 1e9]]
    return np.concatenate(near).tolist()


def page_choice(student, budget):
    """What the page's JavaScript looks up."""
    packed = choices(student)
    macs, thresholds = (
        np.frombuffer(base64.b64decode(packed[name]), "<f8") for name in ("macs", "thresholds")
    )
    last = np.searchsorted(macs, budget, side="right") - 1
    return None if last < 0 else thresholds[last]


@pytest.mark.parametrize("student", STUDENTS)
def test_every_place_chooses_the_same_for_every_budget(student):
    points = split_sweep(student.val, student.macs)
    columns = (points.threshold, points.accuracy, points.mean_macs)
    manifest = {"curve": np.column_stack(columns).tolist(), "macs": MACS.tolist()}
    manifest |= {"teacher_macs": 400, "largest_theta": 99, "certified_theta": None}
    for budget in budgets_of(student):
        index, choice = best_index(points, budget), choose_for_budget(student, budget)
        if index is None:
            assert choice == Choice(None, "not reachable")
            assert page_choice(student, budget) is None
            continue
        assert choice.threshold == points.threshold[index]
        assert choice.status == ("saturated" if budget >= MACS[-1] else "ok")
        assert budget_row(student, budget)["threshold_nats"] == choice.threshold
        assert page_choice(student, budget) == choice.threshold
        if budget >= MACS[0]:
            assert choose_threshold(manifest, budget=repr(budget)) == choice.threshold
        if MACS[0] <= budget <= MACS[-1]:
            assert threshold_within(student, budget) == choice.threshold


@pytest.mark.parametrize("student", STUDENTS)
def test_a_largest_loss_is_chosen_as_a_deployment_does(student):
    points = split_sweep(student.val, student.macs)
    columns = (points.threshold, points.accuracy, points.mean_macs)
    manifest = {"curve": np.column_stack(columns).tolist()}
    for drop in (0.0, 0.01, 0.05, 0.2):
        assert choose_threshold(manifest, max_drop=drop) == threshold_for_drop(student, drop)


def test_operating_points_hold_the_rows_of_pareto():
    students = {("erde", seed): student for seed, student in enumerate(STUDENTS)}
    pareto = budget_rows(network(9), students)
    found = [row for row in operating_rows(students, pareto) if row["goal"] == "teacher_share"]
    assert len(found) == len(pareto)
    for row, chosen in zip(found, pareto, strict=True):
        shared = chosen.keys() & row.keys()
        assert {k: row[k] for k in shared} == {k: chosen[k] for k in shared}
        assert row["value"] == chosen["teacher_share"]


def test_without_a_threshold_the_columns_are_the_same_and_empty():
    nothing = measured(STUDENTS[0], Choice(None, "not reachable"))
    assert list(nothing) == list(measured(STUDENTS[0], Choice(0.5, "ok")))
    assert {k: v for k, v in nothing.items() if v is not None} == {"status": "not reachable"}


def test_a_threshold_of_zero_is_one():
    row = measured(STUDENTS[0], Choice(0.0, "ok"))
    assert row["threshold_nats"] == 0.0
    assert row["test_mean_macs"] == MACS[-1]


def test_a_budget_that_must_be_usable_is_refused_by_name():
    with pytest.raises(ValueError, match="budget must lie between the first exit's 10 MACs"):
        threshold_within(STUDENTS[0], 9)
