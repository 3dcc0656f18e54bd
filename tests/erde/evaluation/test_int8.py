"""Int8 networks beside their float32 ones: paired, each at a θ of its own."""

from dataclasses import replace

import numpy as np
import pytest

from erde.evaluation.choice import choose_for_budget, measured
from erde.evaluation.int8 import int8_rows
from erde.evaluation.operating_points import operating_rows
from erde.evaluation.pareto import budget_rows, in_float32, in_int8
from tests.erde.evaluation.networks import MACS, network

TEACHER = replace(network(9, 3.0), macs=10 * MACS)


def twin(student, name, shift=0.0):
    """Its 8-bit network; ``shift`` is added to the logits of class 0 on test."""
    logits = student.test.logits.copy()
    logits[..., 0] += shift
    test = replace(student.test, logits=logits)
    return replace(student, test=test, network=f"{name} in 8 bits", precision="int8")


def networks(shift=0.0):
    found = {("kd", s): network(s) for s in (0, 1)}
    return found | {("kd int8", s): twin(found["kd", s], str(s), shift) for s in (0, 1)}


SIZES = {("kd int8", 0): (1000, 280), ("kd int8", 1): (1000, 300)}


def test_equal_answers_differ_by_nothing():
    for row in int8_rows(TEACHER, networks(), SIZES):
        assert row["variant"] == "kd"
        assert (row["float32_bytes"], row["int8_bytes"]) == (1000, 290)
        if row["difference"] is not None:
            assert row["difference"] == 0
            assert row["same_answers"] == 1
            assert row["float32_macs"] == row["int8_macs"]


def test_the_difference_is_int8_minus_float32_at_their_own_thresholds():
    given = networks(shift=2.0)
    rows = [r for r in int8_rows(TEACHER, given, SIZES) if r["difference"] is not None]
    assert rows
    for row in rows:
        means = {}
        for name in ("kd", "kd int8"):
            both = [given[name, seed] for seed in (0, 1)]
            points = [measured(n, choose_for_budget(n, row["budget_macs"])) for n in both]
            means[name] = np.mean([point["test_accuracy"] for point in points])
        assert row["difference"] == pytest.approx(means["kd int8"] - means["kd"])
        assert row["difference"] < 0
        assert row["same_answers"] < 1


def test_a_budget_that_no_exit_meets_has_no_row_of_numbers():
    rows = int8_rows(replace(TEACHER, macs=MACS), networks(), SIZES)
    assert {row["status"] for row in rows} == {"not reachable"}
    assert {row["int8_accuracy"] for row in rows} == {None}


def test_without_its_float32_network_there_is_nothing_to_compare():
    with pytest.raises(ValueError, match="kd int8/seed0 must have its float32 network, got none"):
        int8_rows(TEACHER, in_int8(networks()), SIZES)


def test_operating_points_say_the_precision_where_one_is_in_8_bits():
    given = networks()
    pareto = budget_rows(TEACHER, given)
    rows = operating_rows(given, pareto)
    assert {(row["variant"], row["precision"]) for row in rows} == {
        ("kd", "float32"),
        ("kd int8", "int8"),
    }
    assert all("precision" not in row for row in operating_rows(in_float32(given), pareto))
