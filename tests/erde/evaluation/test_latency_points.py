"""The operating points that are timed are those of validation."""

import numpy as np

from erde.evaluation.latency_points import latency_points
from erde.evaluation.operating_points import reference_threshold
from erde.evaluation.pareto import budget_row
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from tests.erde_torch.deployable import exit_logits


def test_points_are_chosen_on_validation(deployable):
    exits = exit_logits(deployable)
    other = SplitLogits(exits.val.logits[::-1] * 3, exits.val.labels, exits.val.group)
    exits = ExitLogits(exits.val, other, exits.macs, "0" * 64, "0" * 64)
    teacher_macs = int(exits.macs[-1] * 4.5)
    points = latency_points(exits, teacher_macs)
    assert reference_threshold(exits) in points.values()
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
    assert len(latency_points(exits, int(exits.macs[0]))) == 1
    assert list(latency_points(exits, 10**12)) == ["exits, at most 1 point lost"]


def test_equal_thresholds_come_once(deployable):
    exits = exit_logits(deployable)
    always = np.zeros(150, np.int64)
    sure = exits.val.logits.copy()
    sure[:, :, 0] += 1000  # every exit is right and sure: all points coincide
    split = SplitLogits(sure, always, always)
    points = latency_points(
        ExitLogits(split, split, exits.macs, "0" * 64, "0" * 64), int(exits.macs[0] * 5.5)
    )
    assert len(points) == len(set(points.values()))
