"""Which classes are taken for which, at the reference threshold."""

import numpy as np

from erde.evaluation.choice import theta_cells, threshold_for_drop
from erde.evaluation.pareto import Students
from erde_core.outcomes import outcomes
from erde_core.store.tables import Row


def confusion_rows(students: Students) -> list[Row]:
    """Test images per true class and answer, per network; pairs that do not occur are left out."""
    rows: list[Row] = []
    for (variant, seed), student in students.items():
        theta, test = threshold_for_drop(student), student.test
        _, _, exits = outcomes(test, theta, student.score)
        answers = test.logits[np.arange(len(exits)), exits].argmax(axis=1)
        pairs, images = np.unique(np.stack([test.labels, answers]), axis=1, return_counts=True)
        rows += [
            {"variant": variant, "seed": seed, "class": label, "answer": answer}
            | theta_cells(student, theta)
            | {"images": count}
            for (label, answer), count in zip(pairs.T.tolist(), images.tolist(), strict=True)
        ]
    return rows
