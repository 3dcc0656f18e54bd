"""Budgets are shares of the teacher's cost, or of the student's where nobody knows that."""

from dataclasses import replace

import numpy as np
import pytest

from erde.evaluation.audit import audit_rows
from erde.evaluation.budgets import share_words, whole_of
from erde.evaluation.decision import decision_rows
from erde.evaluation.operating_points import operating_rows, per_exit_rows
from erde.evaluation.pareto import budget_rows, curve_rows, teacher_rows
from erde.evaluation.tables import DECISION, OPERATING_POINTS, PARETO, PER_EXIT, TEACHER_EXITS
from erde.pictures.pareto import pareto_figure
from erde_core.store.exit_logits import SplitLogits
from tests.erde.evaluation.networks import network

STUDENTS = {("kd", 0): replace(network(0), macs=np.array([1, 2, 120]))}
KNOWN = replace(network(9), macs=np.array([10, 20, 600]))
UNKNOWN = replace(KNOWN, macs=np.zeros(3, np.int64))


def rows_of(teacher):
    pareto = budget_rows(teacher, STUDENTS)
    return {
        PARETO: pareto,
        OPERATING_POINTS: operating_rows(STUDENTS, pareto),
        PER_EXIT: per_exit_rows(teacher, STUDENTS),
        DECISION: decision_rows(teacher, STUDENTS, pareto),
        TEACHER_EXITS: teacher_rows(teacher),
    }


@pytest.mark.parametrize(
    ("teacher", "of", "whole"), [(KNOWN, "teacher", 600), (UNKNOWN, "student", 120)]
)
def test_every_table_with_a_share_says_whose(teacher, of, whole, tmp_path):
    assert whole_of(teacher, STUDENTS.values()) == (whole, of)
    rows = rows_of(teacher)
    for table in (PARETO, PER_EXIT, DECISION):
        assert [row["budget_of"] for row in rows[table]] == [of] * 5, table.name
        assert rows[table][0]["budget_macs"] == whole / 5
    for row in rows[OPERATING_POINTS]:
        assert row["budget_of"] == (of if row["goal"] == "teacher_share" else None)
    for table, found in rows.items():
        table.write(tmp_path / "t.csv", found)
        read = table.read(tmp_path / "t.csv")
        assert [{key: row[key] for key in found[0]} for row in read] == found


def test_tables_from_before_are_of_the_teacher(tmp_path):
    rows = [{k: v for k, v in row.items() if k != "budget_of"} for row in rows_of(KNOWN)[PARETO]]
    lines = [
        ",".join(rows[0]),
        *(",".join("" if v is None else str(v) for v in r.values()) for r in rows),
    ]
    (tmp_path / "old.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert {row["budget_of"] for row in PARETO.read(tmp_path / "old.csv")} == {"teacher"}


def test_an_unknown_cost_is_empty_and_drawn_as_a_line():
    rows = rows_of(UNKNOWN)
    assert {row["macs"] for row in rows[TEACHER_EXITS]} == {None}
    assert {row["teacher_macs"] for row in rows[DECISION]} == {None}
    drawn = pareto_figure("x", curve_rows(STUDENTS), rows[PARETO], rows[TEACHER_EXITS])
    (axes,) = drawn.axes
    accuracy = 100 * rows[TEACHER_EXITS][-1]["test_accuracy"]
    (line,) = [one for one in axes.lines if one.get_label() == "teacher, of unknown cost"]
    assert list(line.get_ydata()) == [accuracy, accuracy]
    assert axes.child_axes[0].get_xlabel() == "share of the student's full MACs"
    assert share_words("1/8", "teacher") == "1/8 of the teacher's MACs"


def test_the_audit_holds_each_exit_against_the_one_that_taught_it():
    repeated = SplitLogits(KNOWN.test.logits[:, [2, 0, 2]], KNOWN.test.labels, KNOWN.test.group)
    same = replace(KNOWN, test=repeated)
    rows = audit_rows(KNOWN, STUDENTS, {"kd": [-1, 0, -1]})
    assert rows == audit_rows(same, STUDENTS, {"kd": [0, 1, 2]})
    assert rows != audit_rows(KNOWN, STUDENTS, {"kd": [0, 1, 2]})
