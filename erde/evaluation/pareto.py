"""Tables from exit logits: each student's exact curve, and what a budget buys it.

Thresholds are chosen on the validation split and reported on the test split.
"""

from collections.abc import Mapping

import numpy as np

from erde.evaluation.budgets import whole_of
from erde.evaluation.choice import choose_for_budget, measured
from erde.evaluation.tables.rows import evened
from erde_core.errors import ErdeError
from erde_core.outcomes import right_answers, split_sweep
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.store.exit_logits import INT8, ExitLogits
from erde_core.store.tables import Row
from erde_core.sweep import accuracy_at

TEACHER_SHARES = (5, 6, 8, 10, 12)  # a budget is the teacher's MACs divided by one of these
CURVE_BUDGETS = 400

Students = Mapping[tuple[str, int], ScoredLogits]  # (variant, seed) → its exit logits


def check_comparable(teacher: ExitLogits, students: Students) -> None:
    """Refuse networks that were not measured on the same images.

    Raises:
        ValueError: a student's data set differs from the teacher's.
    """
    for (variant, seed), student in students.items():
        if student.dataset != teacher.dataset:
            raise ErdeError(
                f"{variant}/seed{seed} must be measured on the teacher's data set "
                f"{teacher.dataset[:12]}, got {student.dataset[:12]}"
            )


def in_float32(networks: Students) -> Students:
    """Those that were trained, without their 8-bit twins."""
    return {key: network for key, network in networks.items() if network.precision != INT8}


def in_int8(networks: Students) -> Students:
    """The 8-bit twins alone."""
    return {key: network for key, network in networks.items() if network.precision == INT8}


def curve_rows(students: Students) -> list[Row]:
    """Test accuracy of the best point at or under each of 400 budgets, per variant and seed."""
    rows: list[Row] = []
    for (variant, seed), student in students.items():
        budgets = np.linspace(student.macs[0], student.macs[-1], CURVE_BUDGETS)
        accuracy = accuracy_at(split_sweep(student.test, student.macs, student.score), budgets)
        rows += [
            {"variant": variant, "seed": seed, "budget_macs": b, "test_accuracy": a}
            for b, a in zip(budgets.tolist(), accuracy.tolist(), strict=True)
        ]
    return rows


def teacher_rows(teacher: ExitLogits) -> list[Row]:
    """Cost, where it is known, and accuracy of the teacher's own exits."""
    val, test = (right_answers(split).mean(axis=0) for split in (teacher.val, teacher.test))
    return [
        {"exit": e, "macs": int(m) or None, "val_accuracy": float(v), "test_accuracy": float(t)}
        for e, (m, v, t) in enumerate(zip(teacher.macs, val, test, strict=True))
    ]


def budget_rows(teacher: ExitLogits, students: Students) -> list[Row]:
    """For each student and share of the teacher's MACs: the threshold, its cost and accuracy."""
    whole = whole_of(teacher, students.values())
    rows = [
        {"variant": variant, "seed": seed, "teacher_share": f"1/{share}", "budget_of": whole.of}
        | budget_row(student, whole.macs / share)
        for (variant, seed), student in students.items()
        for share in TEACHER_SHARES
    ]
    return evened(rows)


def budget_row(student: ScoredLogits, budget: float) -> Row:
    """What :func:`erde.evaluation.choice.choose_for_budget` gives for ``budget`` MACs."""
    point = measured(student, choose_for_budget(student, budget))
    return {"budget_macs": budget} | {k: v for k, v in point.items() if not k.endswith("_harm")}
