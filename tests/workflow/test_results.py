"""The numbers of a finished run, computed again from its exit logits with plain NumPy."""

import csv
import json

import h5py
import matplotlib.image
import numpy as np
import pytest

from tests.workflow.conftest import TINY, put_back


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def entropy_and_answers(file, split):
    logits = np.asarray(file[split]["logits"], np.float64)
    p = np.exp(logits - logits.max(2, keepdims=True))
    p /= p.sum(2, keepdims=True)
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(2)
    return entropy, logits.argmax(2) == np.asarray(file[split]["labels"])[:, None]


def leave(entropy, theta):
    early = np.column_stack([entropy[:, :-1] < theta, np.ones(len(entropy), bool)])
    return early.argmax(1)


def test_operating_points_hold_on_validation_and_test(finished):
    rows = table(finished.root / "results/tiny/pareto.csv")
    assert len(rows) == 3 * 5
    checked = 0
    for row in rows:
        if row["status"] == "not reachable":
            assert row["threshold_nats"] == ""
            continue
        folder = finished.root / "results/tiny" / row["variant"] / f"seed{row['seed']}"
        with h5py.File(folder / "exit_logits.h5") as file:
            macs = np.asarray(file["macs"])
            for split in ("val", "test"):
                entropy, right = entropy_and_answers(file, split)
                exits = leave(entropy, float(row["threshold_nats"]))
                accuracy = right[np.arange(len(exits)), exits].mean()
                assert float(row[f"{split}_accuracy"]) == pytest.approx(accuracy)
                assert float(row[f"{split}_mean_macs"]) == pytest.approx(macs[exits].mean())
        assert float(row["val_mean_macs"]) <= float(row["budget_macs"])
        checked += 1
    assert checked >= 3


def test_curves_reach_the_last_exit(finished):
    rows = table(finished.root / "results/tiny/curves.csv")
    for variant in ("ce", "kd", "erde"):
        last = [row for row in rows if row["variant"] == variant][-1]
        with h5py.File(finished.root / f"results/tiny/{variant}/seed0/exit_logits.h5") as file:
            _, right = entropy_and_answers(file, "test")
            assert float(last["budget_macs"]) == file["macs"][-1]
        assert float(last["test_accuracy"]) >= right[:, -1].mean() - 1e-12


def test_the_picture_is_a_picture(finished):
    pixels = matplotlib.image.imread(finished.root / "results/tiny_pareto.png")
    assert pixels.shape[0] > 600
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 50


def test_every_training_leaves_its_history(finished):
    for network in ("teacher", "ce/seed0", "kd/seed0", "erde/seed0"):
        rows = table(finished.root / "results/tiny" / network / "history.csv")
        assert [int(row["epoch"]) for row in rows] == [1, 2]
        assert all(0 <= float(row["val_accuracy_exit3"]) <= 1 for row in rows)


def test_the_log_tells_how_often_the_teacher_is_wrong(finished):
    log = (finished.root / "results/tiny/logs/cache.log").read_text(encoding="utf-8")
    assert "wrong teacher answers per exit on train views" in log
    assert "wrong teacher answers per exit on validation" in log


def test_the_cache_was_verified(finished):
    verified = (finished.root / "results/tiny/teacher_logits_verified.json").read_text("utf-8")
    assert json.loads(verified)["rows"] == 256


def test_a_score_that_is_fitted_comes_to_the_same_tables_and_report(finished):
    """Its θ come from one half of validation, where teacher and students have whole ones."""
    with put_back(finished):
        finished.write_experiment("tiny", TINY | {"score": "gate"})
        try:
            options = "--config", "rivals=False", "latency=False"
            finished.snakemake("--cores", "2", "results/tiny_report.html", *options)
        finally:
            finished.write_experiment("tiny", TINY)
        found = table(finished.root / "results/tiny/decision.csv")
    chosen = [row for row in found if row["variant"]]
    assert chosen
    for row in chosen:
        assert row["score"] == "gate"
        assert row["threshold_nats"] == ""
        assert float(row["threshold"]) > 0
        assert -1 < float(row["val_difference_high"]) < 1
