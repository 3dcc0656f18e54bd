"""decision.csv and confusion.csv, computed again from the exit logits."""

import numpy as np
import pytest

from tests.workflow.statistics.recompute import ENDS, reference, resamples, table


def check_confusion(folder, students):
    rows = table(folder / "confusion.csv")
    for (variant, seed), student in students.items():
        _, _, exits = student.at("test", reference(folder, variant, seed))
        answers = student.answers["test"][np.arange(len(exits)), exits]
        mine = [r for r in rows if (r["variant"], r["seed"]) == (variant, str(seed))]
        assert sum(int(row["images"]) for row in mine) == len(exits)
        for row in mine:
            here = (student.labels["test"] == int(row["class"])) & (answers == int(row["answer"]))
            assert int(row["images"]) == here.sum()


def check_decision(folder, students, teacher):
    """The chosen network is the best on validation; its difference is paired with the teacher."""
    pareto, right = table(folder / "pareto.csv"), teacher.right["test"][:, -1]
    rows = [row for row in table(folder / "decision.csv") if row["threshold_nats"]]
    assert rows
    for row in rows:
        same = [p for p in pareto if p["teacher_share"] == row["teacher_share"]]
        mine = [p for p in same if p["variant"] == row["variant"]]
        assert row["val_accuracy"] == max((p["val_accuracy"] for p in mine), key=float)
        means = {}
        for p in same:
            means.setdefault(p["variant"], []).append(float(p["val_accuracy"] or "nan"))
        best = max(np.nan_to_num(np.mean(values), nan=-1) for values in means.values())
        assert np.mean(means[row["variant"]]) == pytest.approx(best)
        student = students[row["variant"], int(row["seed"])]
        answers, macs, _ = student.at("test", float(row["threshold_nats"]))
        gain = answers * 1.0 - right
        assert float(row["test_mean_macs"]) == pytest.approx(macs.mean())
        assert float(row["difference"]) == pytest.approx(gain.mean(), abs=1e-9)
        assert (row["val_difference_high"] != "") == (len(np.unique(student.val_group)) >= 20)
        half = 1.96 * (resamples(student.group) @ gain).std(ddof=1)
        assert float(row["difference_low"]) == pytest.approx(gain.mean() - half, abs=ENDS)
        assert float(row["difference_high"]) == pytest.approx(gain.mean() + half, abs=ENDS)
