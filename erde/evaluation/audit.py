"""Does the entropy term do what it is for? Students where the teacher was right, and wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.choice import theta_cells, threshold_for_drop
from erde.evaluation.pareto import Students
from erde_core.outcomes import outcomes, right_answers
from erde_core.softmax import entropy
from erde_core.store.exit_logits import ExitLogits
from erde_core.store.tables import Row


def audit_rows(
    teacher: ExitLogits, students: Students, taught_by: Mapping[str, Sequence[int]]
) -> list[Row]:
    """Per network, exit, and whether the teacher's exit was right: how the student takes it.

    Over the test images: mean entropy in nats, share whose score is below the reference threshold
    (they leave here if they arrive), and the exit's accuracy. Empty where there is no such image.

    Args:
        teacher: its exit logits.
        students: by variant and seed.
        taught_by: of each variant, the teacher's exit that each of its exits is held against: the
            one it was trained with (:func:`erde.experiment.trainings.taught_by`).
    """
    found = right_answers(teacher.test)
    rows: list[Row] = []
    for (variant, seed), student in students.items():
        h, correct = entropy(student.test.logits), right_answers(student.test)
        theta = threshold_for_drop(student)
        sure = student.score.values(student.test.logits) < theta
        for e, taught in enumerate(taught_by[variant]):
            for right in (True, False):
                chosen = found[:, taught] == right
                rows.append(
                    {"variant": variant, "seed": seed, "exit": e, "teacher_right": right}
                    | theta_cells(student, theta)
                    | {"images": int(chosen.sum())}
                    | _means(h[chosen, e], sure[chosen, e], correct[chosen, e])
                )
    return rows


def class_rows(students: Students) -> list[Row]:
    """Test accuracy and mean MACs of each class at the reference threshold, per network."""
    rows: list[Row] = []
    for (variant, seed), student in students.items():
        theta = threshold_for_drop(student)
        right, _, exits = outcomes(student.test, theta, student.score)
        for label in range(student.test.logits.shape[2]):
            chosen = student.test.labels == label
            names = {"variant": variant, "seed": seed, "class": label}
            rows.append(
                names
                | theta_cells(student, theta)
                | {"images": int(chosen.sum())}
                | {
                    "accuracy": _mean(right[chosen]),
                    "mean_macs": _mean(student.macs[exits[chosen]]),
                }
            )
    return rows


def _means(h: NDArray[np.float64], sure: NDArray[np.bool_], correct: NDArray[np.bool_]) -> Row:
    return {
        "entropy_nats": _mean(h),
        "share_below_threshold": _mean(sure),
        "accuracy": _mean(correct),
    }


def _mean(values: NDArray[Any]) -> float | None:
    return float(np.mean(values)) if len(values) else None
