"""The confusion table counts every test image once."""

import numpy as np

from erde.evaluation.choice import threshold_for_drop
from erde.evaluation.confusion import confusion_rows
from erde.evaluation.tables.rows import where
from tests.erde.evaluation.networks import network


def test_every_image_is_counted_where_it_leaves():
    students = {("erde", seed): network(seed) for seed in (0, 1)}
    rows = confusion_rows(students)
    for (variant, seed), student in students.items():
        mine = where(rows, variant=variant, seed=seed)
        assert sum(row["images"] for row in mine) == len(student.test.labels)
        theta = threshold_for_drop(student)
        h = np.exp(student.test.logits - student.test.logits.max(2, keepdims=True))
        h /= h.sum(2, keepdims=True)
        h = -(h * np.log(h)).sum(2)
        answers = [
            int(logits[next(e for e in range(3) if e == 2 or entropies[e] < theta)].argmax())
            for logits, entropies in zip(student.test.logits, h, strict=True)
        ]
        for row in mine:
            pairs = zip(student.test.labels.tolist(), answers, strict=True)
            assert row["images"] == list(pairs).count((row["class"], row["answer"]))
            assert row["threshold_nats"] == theta
