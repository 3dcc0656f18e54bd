"""The operating points that are timed are those of validation."""

import numpy as np
import pytest

from erde.evaluation.budgets import Whole
from erde.evaluation.choice import theta_of, threshold_for_drop
from erde.evaluation.latency import (
    MOST_LOAD,
    MOST_SPREAD,
    break_even,
    disturbances,
    latency_points,
    with_theta_cells,
)
from erde.evaluation.pareto import budget_row
from erde_core.scores.scored_logits import score_logits
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from tests.erde.report.sources import latency_rows
from tests.erde_torch.deployable import exit_logits


def by_entropy(val, test, macs):
    return score_logits("entropy", ExitLogits(val, test, macs, "0" * 64, "0" * 64))


def test_points_are_chosen_on_validation(deployable):
    exits = exit_logits(deployable)
    other = SplitLogits(exits.val.logits[::-1] * 3, exits.val.labels, exits.val.group)
    exits = by_entropy(exits.val, other, exits.macs)
    teacher_macs = int(exits.macs[-1] * 4.5)
    points = latency_points(exits, Whole(teacher_macs, "teacher"))
    assert threshold_for_drop(exits) in points.values()
    shares = [name for name in points if "teacher" in name]
    assert shares
    for name in shares:
        share = int(name.split("/")[1].split()[0])
        row = budget_row(exits, teacher_macs / share)
        assert row["status"] == "ok"
        assert points[name] == row["threshold_nats"]
    assert list(points.values()) == sorted(set(points.values()))


def test_one_point_remains_where_no_share_can_be_met(deployable):
    exits = exit_logits(deployable)
    assert len(latency_points(exits, Whole(int(exits.macs[0]), "teacher"))) == 1
    assert list(latency_points(exits, Whole(10**12, "student"))) == ["exits, at most 1 point lost"]


@pytest.mark.parametrize("label", ["entropy", "margin"])
def test_thresholds_are_told_in_the_unit_of_the_score(deployable, label, tmp_path):
    exits = exit_logits(deployable)
    student = score_logits(label, ExitLogits(exits.val, exits.test, exits.macs, "0" * 64, "0" * 64))
    timed = [{"threshold": None, "calls": 3}, {"threshold": 0.25, "calls": 3}]
    nothing, found = with_theta_cells(timed, student)
    assert found["calls"] == 3
    assert theta_of(found) == 0.25
    assert theta_of(nothing) is None
    assert found["threshold_nats"] == (0.25 if label == "entropy" else None)
    assert found.get("score", "entropy") == label


def test_equal_thresholds_come_once(deployable):
    exits = exit_logits(deployable)
    always = np.zeros(150, np.int64)
    sure = exits.val.logits.copy()
    sure[:, :, 0] += 1000  # every exit is right and sure: all points coincide
    split = SplitLogits(sure, always, always)
    points = latency_points(
        by_entropy(split, split, exits.macs), Whole(int(exits.macs[0] * 5.5), "teacher")
    )
    assert len(points) == len(set(points.values()))


def test_where_leaving_early_pays():
    table = latency_rows()
    network = "exits, 1/8 of the teacher's MACs"
    assert break_even(table) == [("eager", network, [1]), ("ONNX Runtime", network, [1])]
    never = latency_rows(speed_up_over_no_exits=0.9)
    assert [batches for _, _, batches in break_even(never)] == [[], []]


def test_a_quiet_machine_needs_no_warning():
    assert disturbances(latency_rows()) == []
    assert disturbances(latency_rows(other_load=MOST_LOAD, round_spread=MOST_SPREAD)) == []
    assert disturbances(latency_rows(other_load=None)) == []  # the system does not say


def test_other_processes_and_uneven_rounds_are_warned_of():
    (busy,) = disturbances(latency_rows(other_load=1.26))
    assert busy.startswith("Other processes kept up to 1.3 cores busy meanwhile (batch 1)")
    table = latency_rows()
    table[4]["round_spread"] = 0.5
    (uneven,) = disturbances(table)
    assert uneven.startswith("1 of 12 rows differ by more than 20 % between their rounds, most ")
    assert "student, no exits in ONNX Runtime at batch 1: 50 %." in uneven


def test_an_old_table_is_said_to_lack_the_record():
    (sentence,) = disturbances(latency_rows(other_load=None, round_spread=None))
    assert sentence == "What else the machine did meanwhile was not recorded."
