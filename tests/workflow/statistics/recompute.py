"""Every table of a finished experiment, computed again from its exit logits in plain NumPy.

No sweep, no sorting of steps, no compiled code: each threshold is simulated on each image.
"""

import csv
import math

import h5py
import numpy as np
import pytest

SPLITS = ("val", "test")


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Network:
    """One exit-logits file: probabilities, entropies and right answers per split."""

    def __init__(self, path):
        self.entropy, self.right, self.confidence, self.labels = {}, {}, {}, {}
        self.answers = {}
        with h5py.File(path) as file:
            self.macs = np.asarray(file["macs"])
            for split in SPLITS:
                logits = np.asarray(file[split]["logits"], np.float64)
                p = np.exp(logits - logits.max(2, keepdims=True))
                p /= p.sum(2, keepdims=True)
                self.classes = p.shape[2]
                self.labels[split] = np.asarray(file[split]["labels"])
                self.entropy[split] = -(p * np.log(np.where(p > 0, p, 1))).sum(2)
                self.answers[split] = logits.argmax(2)
                self.right[split] = self.answers[split] == self.labels[split][:, None]
                self.confidence[split] = p.max(2)
            self.group = np.asarray(file["test/group"])
            self.val_group = np.asarray(file["val/group"])

    def leave(self, split, theta):
        early = self.entropy[split][:, :-1] < theta
        return np.column_stack([early, np.ones(len(early), bool)]).argmax(1)

    def at(self, split, theta):
        """Right answers and MACs per image at one threshold."""
        exits = self.leave(split, theta)
        return self.right[split][np.arange(len(exits)), exits], self.macs[exits], exits

    def lowest(self, split):
        return np.unique(np.minimum.accumulate(self.entropy[split][:, :-1], axis=1))

    def every(self, split):
        """Right answers ``(K, N)`` and MACs ``(K, N)`` at every threshold, strict to loose."""
        found = [self.at(split, theta)[:2] for theta in (*self.lowest(split), math.inf)]
        return np.array([f[0] for f in found], float), np.array([f[1] for f in found], float)

    def chosen(self, budgets):
        """θ ``(B,)``: the best on validation within each budget; of equals cheapest, loosest."""
        accuracy, cost = (part.mean(1).round(12) for part in self.every("val"))
        lowest = self.lowest("val")
        thetas = [0, *(lowest[1:] + lowest[:-1]) / 2, 2 * math.log(self.classes)]
        every = list(zip(accuracy, -cost, thetas, strict=True))
        return [max(p for p in every if -p[1] <= budget + 1e-6)[2] for budget in budgets]


def networks(folder, variants, seeds):
    return {
        (v, s): Network(folder / v / f"seed{s}" / "exit_logits.h5") for v in variants for s in seeds
    }


def check_operating_points(folder, students):
    rows = table(folder / "operating_points.csv")
    assert len(rows) == len(students) * (5 + 4 + 4)
    filled = [row for row in rows if row["status"] in ("ok", "saturated")]
    assert len(filled) > len(students) * 4
    for row in filled:
        student, theta = students[row["variant"], int(row["seed"])], float(row["threshold_nats"])
        for split in SPLITS:
            right, macs, exits = student.at(split, theta)
            harmed = ~right & student.right[split][:, -1]
            assert float(row[f"{split}_accuracy"]) == pytest.approx(right.mean())
            assert float(row[f"{split}_mean_macs"]) == pytest.approx(macs.mean())
            assert float(row[f"{split}_harm"]) == pytest.approx(harmed.mean())
        shares = [float(row[f"test_share_exit{e}"]) for e in range(len(student.macs))]
        assert shares == pytest.approx(np.bincount(exits, minlength=len(shares)) / len(exits))
        check_goal(row, student)


def check_goal(row, student):
    right, macs = student.every("val")
    accuracy, cost = right.mean(1), macs.mean(1)
    spent = float(row["val_mean_macs"])
    if row["goal"] == "drop":
        enough = accuracy >= accuracy[0] - float(row["value"]) - 1e-9
        assert enough.any()
        assert spent == pytest.approx(cost[enough].min())
    if row["goal"] == "certified":
        assert float(row["val_harm"]) < float(row["value"])


def resamples(group):
    # The draws; what is made of them is plain.
    from erde_core.statistics.bootstrap import group_weights

    return group_weights(group, 1000, seed=0) / len(group)


def curve(student, weights, budgets):
    """Accuracy at budgets ``(R, B)`` and area ``(R,)`` by trying every threshold."""
    right, macs = student.every("test")
    accuracy, cost = weights @ right.T, weights @ macs.T
    at = [np.where(cost <= b + 1e-6, accuracy, -1).max(1) for b in budgets]
    best = np.maximum.accumulate(accuracy[:, ::-1], 1)
    steps = np.diff(cost[:, ::-1], axis=1)
    return np.array(at).T, (steps * best[:, :-1]).sum(1) / steps.sum(1)


# Where a resample costs exactly a budget, rounding decides on which side it lies.
ENDS = 3e-4


def check_interval(row, name, per_seed, resampled, groups):
    from scipy import stats

    mean, b = np.mean(per_seed), resampled.std(ddof=1)
    z, n = stats.norm.ppf(0.975), len(per_seed)
    assert float(row[name]) == pytest.approx(mean, abs=1e-9)
    if groups < 20:
        assert row["intervals"] == "needs 20 test groups"
        ends = [row[f"{kind}_seeds_{end}"] for kind in ("these", "new") for end in ("low", "high")]
        assert ends == [""] * 4
        return
    assert row["intervals"] == "ok"
    if groups < 200:
        z = stats.t.ppf(0.975, groups - 1)
        b = np.sqrt((b**2 + 2 / groups**2) * groups / (groups - 1))
    assert float(row["these_seeds_low"]) == pytest.approx(mean - z * b, abs=ENDS)
    assert float(row["these_seeds_high"]) == pytest.approx(mean + z * b, abs=ENDS)
    if n == 1:
        assert row["new_seeds_low"] == row["new_seeds_high"] == ""
        return
    half = np.hypot(stats.t.ppf(0.975, n - 1) * np.std(per_seed, ddof=1) / math.sqrt(n), z * b)
    assert float(row["new_seeds_low"]) == pytest.approx(mean - half, abs=ENDS)
    assert float(row["new_seeds_high"]) == pytest.approx(mean + half, abs=ENDS)


def check_curves(folder, students, variants, seeds):
    """bands.csv and areas.csv."""
    first = next(iter(students.values()))
    groups = len(np.unique(first.group))
    weights, exact = resamples(first.group), np.full((1, len(first.group)), 1 / len(first.group))
    budgets = first.macs[0] + (first.macs[-1] - first.macs[0]) * np.arange(1, 101) / 100
    bands, areas = table(folder / "bands.csv"), table(folder / "areas.csv")
    for v in variants:
        of_seeds = [curve(students[v, s], exact, budgets) for s in seeds]
        real = np.array([c[0][0] for c in of_seeds])
        again = [curve(students[v, s], weights, budgets) for s in seeds]
        drawn = np.mean([c[0] for c in again], axis=0)
        rows = [row for row in bands if row["variant"] == v]
        for k, row in enumerate(rows):
            assert float(row["budget_macs"]) == pytest.approx(budgets[k])
            check_interval(row, "accuracy", real[:, k], drawn[:, k], groups)
        (row,) = [row for row in areas if row["variant"] == v]
        mean_area = np.mean([c[1] for c in again], axis=0)
        check_interval(row, "area", [c[1][0] for c in of_seeds], mean_area, groups)


def reference(folder, variant, seed):
    """The threshold of an allowed drop of 0.01."""
    (theta,) = (
        float(row["threshold_nats"])
        for row in table(folder / "operating_points.csv")
        if (row["variant"], row["seed"]) == (variant, str(seed))
        and (row["goal"], row["value"]) == ("drop", "0.01")
    )
    return theta


def approx(text, values):
    return text == "" if not len(values) else float(text) == pytest.approx(np.mean(values))


def check_audit(folder, students, teacher):
    rows = table(folder / "audit.csv")
    assert len(rows) == len(students) * 2 * len(teacher.macs)
    for row in rows:
        student, e = students[row["variant"], int(row["seed"])], int(row["exit"])
        theta = reference(folder, row["variant"], row["seed"])
        chosen = teacher.right["test"][:, e] == (row["teacher_right"] == "1")
        h = student.entropy["test"][chosen, e]
        assert int(row["images"]) == chosen.sum()
        assert approx(row["entropy_nats"], h)
        assert approx(row["share_below_threshold"], h < theta)
        assert approx(row["accuracy"], student.right["test"][chosen, e])


def check_classes(folder, students):
    rows = table(folder / "classes.csv")
    assert len(rows) == sum(s.classes for s in students.values())
    for row in rows:
        student = students[row["variant"], int(row["seed"])]
        right, macs, _ = student.at("test", reference(folder, row["variant"], row["seed"]))
        chosen = student.labels["test"] == int(row["class"])
        assert approx(row["accuracy"], right[chosen])
        assert approx(row["mean_macs"], macs[chosen])


def check_calibration(folder, students):
    """exits.csv and reliability.csv."""
    bins = table(folder / "reliability.csv")
    rows = table(folder / "exits.csv")
    assert len(rows) == sum(len(s.macs) for s in students.values())
    for row in rows:
        student, e = students[row["variant"], int(row["seed"])], int(row["exit"])
        confidence, right = student.confidence["test"][:, e], student.right["test"][:, e]
        error = 0.0
        keys = ("variant", "seed", "exit")
        found = {int(b["bin"]): b for b in bins if all(b[k] == row[k] for k in keys)}
        for k in range(15):
            inside = (confidence > k / 15) & (confidence <= (k + 1) / 15)
            assert (k in found) == inside.any()
            if inside.any():
                assert int(found[k]["images"]) == inside.sum()
                assert approx(found[k]["confidence"], confidence[inside])
                assert approx(found[k]["accuracy"], right[inside])
                error += abs(right[inside].sum() - confidence[inside].sum()) / len(right)
        assert float(row["calibration_error"]) == pytest.approx(error)
        assert float(row["test_accuracy"]) == pytest.approx(right.mean())
        assert float(row["entropy_nats"]) == pytest.approx(student.entropy["test"][:, e].mean())


def check_per_exit(folder, students, variants, seeds):
    """What the single threshold of each budget scores; no budget is overdrawn on validation."""
    chosen = table(folder / "operating_points.csv")
    rows = table(folder / "per_exit.csv")
    assert len(rows) == 5 * len(variants)
    for row in rows:
        same = [
            r
            for r in chosen
            if (r["variant"], r["goal"], r["value"])
            == (row["variant"], "teacher_share", row["teacher_share"])
        ]
        if row["status"] != "ok":
            assert row["difference"] == ""
            assert {r["status"] for r in same} == {row["status"]}
            continue
        accuracy = np.mean([float(r["test_accuracy"]) for r in same])
        assert float(row["one_accuracy"]) == pytest.approx(accuracy)
        assert float(row["one_macs"]) == pytest.approx(
            np.mean([float(r["test_mean_macs"]) for r in same])
        )
        gain = float(row["each_accuracy"]) - float(row["one_accuracy"])
        assert float(row["difference"]) == pytest.approx(gain, abs=1e-9)


def check_all(folder, variants, seeds):
    students = networks(folder, variants, seeds)
    teacher = Network(folder / "teacher/exit_logits.h5")
    check_operating_points(folder, students)
    check_curves(folder, students, variants, seeds)
    check_audit(folder, students, teacher)
    check_classes(folder, students)
    check_calibration(folder, students)
    check_per_exit(folder, students, variants, seeds)
