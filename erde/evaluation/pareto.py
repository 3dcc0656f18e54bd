"""Tables from exit logits: each student's exact curve, and what a budget buys it.

Thresholds are chosen on the validation split and reported on the test split.
"""

from collections.abc import Mapping

import numpy as np

from erde_core.outcomes import right_answers, split_sweep
from erde_core.policy import exit_indices
from erde_core.softmax import entropy
from erde_core.store.exit_logits import ExitLogits
from erde_core.sweep import accuracy_at, best_index

TEACHER_SHARES = (5, 6, 8, 10, 12)  # a budget is the teacher's MACs divided by one of these
CURVE_BUDGETS = 400

Students = Mapping[tuple[str, int], ExitLogits]  # (variant, seed) → its exit logits
Row = dict[str, object]


def check_comparable(teacher: ExitLogits, students: Students) -> None:
    """Refuse networks that were not measured on the same images.

    Raises:
        ValueError: a student's data set differs from the teacher's.
    """
    for (variant, seed), student in students.items():
        if student.dataset != teacher.dataset:
            raise ValueError(
                f"{variant}/seed{seed} must be measured on the teacher's data set "
                f"{teacher.dataset[:12]}, got {student.dataset[:12]}"
            )


def curve_rows(students: Students) -> list[Row]:
    """Test accuracy of the best point at or under each of 400 budgets, per variant and seed."""
    rows = []
    for (variant, seed), student in students.items():
        budgets = np.linspace(student.macs[0], student.macs[-1], CURVE_BUDGETS)
        accuracy = accuracy_at(split_sweep(student.test, student.macs), budgets)
        rows += [
            {"variant": variant, "seed": seed, "budget_macs": b, "test_accuracy": a}
            for b, a in zip(budgets.tolist(), accuracy.tolist(), strict=True)
        ]
    return rows


def teacher_rows(teacher: ExitLogits) -> list[Row]:
    """Cost and accuracy of the teacher's own exits."""
    val, test = (right_answers(split).mean(axis=0) for split in (teacher.val, teacher.test))
    return [
        {"exit": e, "macs": int(m), "val_accuracy": float(v), "test_accuracy": float(t)}
        for e, (m, v, t) in enumerate(zip(teacher.macs, val, test, strict=True))
    ]


def budget_rows(teacher: ExitLogits, students: Students) -> list[Row]:
    """For each student and share of the teacher's MACs: the threshold, its cost and accuracy."""
    full = int(teacher.macs[-1])
    return [
        {"variant": variant, "seed": seed, "teacher_share": f"1/{share}"}
        | budget_row(student, full / share)
        for (variant, seed), student in students.items()
        for share in TEACHER_SHARES
    ]


def budget_row(student: ExitLogits, budget: float) -> Row:
    """The point that is best on validation at or under ``budget`` MACs, measured on test.

    ``status`` is ``ok``; ``saturated`` where the budget is above the student's full cost, and
    ``not reachable`` where no threshold is cheap enough (the other cells are then empty).
    """
    points = split_sweep(student.val, student.macs)
    index = best_index(points, budget)
    status = "saturated" if budget >= student.macs[-1] else "ok"
    row: Row = {"budget_macs": budget, "status": status if index is not None else "not reachable"}
    chosen = dict.fromkeys(_POINT_COLUMNS + _share_columns(len(student.macs)))
    if index is not None:
        chosen["threshold_nats"] = float(points.threshold[index])
        chosen["val_accuracy"] = float(points.accuracy[index])
        chosen["val_mean_macs"] = float(points.mean_macs[index])
        chosen |= _on_test(student, chosen["threshold_nats"])
    return row | chosen


_POINT_COLUMNS = [
    "threshold_nats",
    "val_accuracy",
    "val_mean_macs",
    "test_accuracy",
    "test_mean_macs",
]


def _share_columns(exits: int) -> list[str]:
    return [f"test_share_exit{e}" for e in range(exits)]


def _on_test(student: ExitLogits, threshold: float) -> Row:
    left_at = exit_indices(entropy(student.test.logits), threshold)
    right = right_answers(student.test)[np.arange(len(left_at)), left_at]
    share = np.bincount(left_at, minlength=len(student.macs)) / len(left_at)
    return {
        "test_accuracy": float(right.mean()),
        "test_mean_macs": float(student.macs[left_at].mean()),
    } | dict(zip(_share_columns(len(share)), share.tolist(), strict=True))
