"""What each listed value gives: chosen on validation, and never on test."""

import pytest

from erde.evaluation.values import listed_families, value_rows

# accuracy on validation and test, per seed: the best on validation is not the best on test
RUNS = {
    "erde-entropy_weight-1": [(0.80, 0.70), (0.82, 0.74)],
    "erde-entropy_weight-0.3": [(0.70, 0.90), (0.72, 0.92)],
    "erde-entropy_weight-1e-05": [(0.81, 0.10), (0.81, 0.10)],
    "kd": [(0.99, 0.99), (0.99, 0.99)],
}


def pareto(runs=RUNS, status=None):
    rows = []
    for variant, seeds in runs.items():
        for seed, (val, test) in enumerate(seeds):
            state = (status or {}).get((variant, seed), "ok")
            none = state == "not reachable"
            row = {"variant": variant, "seed": seed, "teacher_share": "1/5"}
            row |= {"budget_of": "teacher", "status": state}
            accuracies = {"val_accuracy": val, "test_accuracy": test}
            rows.append(row | (dict.fromkeys(accuracies) if none else accuracies))
    return rows


def test_means_and_deviations_over_seeds_numbers_ascending():
    rows = value_rows(pareto())
    assert [row["variant"] for row in rows] == [
        "erde-entropy_weight-1e-05",
        "erde-entropy_weight-0.3",
        "erde-entropy_weight-1",
    ]
    assert {row["family"] for row in rows} == {"erde"}
    last = rows[2]
    assert last["val_accuracy"] == pytest.approx(0.81)
    assert last["test_accuracy"] == pytest.approx(0.72)
    assert last["test_deviation"] == pytest.approx(0.04 / 2**0.5)  # n - 1
    assert (last["seeds"], last["status"]) == (2, "ok")


def test_the_choice_is_validations():
    better = RUNS | {"erde-entropy_weight-1": [(0.83, 0.7), (0.83, 0.7)]}
    assert [row["chosen"] for row in value_rows(pareto(better))] == [0, 0, 1]
    assert [row["chosen"] for row in value_rows(pareto())].count(1) == 1


def test_what_one_seed_cannot_reach_is_not_chosen():
    status = {("erde-entropy_weight-1", 0): "not reachable"}
    rows = value_rows(pareto(status=status))
    row = rows[2]
    assert (row["status"], row["seeds"], row["chosen"]) == ("not reachable", 1, 0)
    assert row["val_accuracy"] == 0.82
    assert row["val_deviation"] is None
    assert rows[0]["chosen"] == 1
    nobody = {(variant, seed): "not reachable" for variant in RUNS for seed in (0, 1)}
    rows = value_rows(pareto(status=nobody))
    assert all(row["test_accuracy"] is None and row["chosen"] == 0 for row in rows)


def test_each_list_is_chosen_by_itself():
    runs = RUNS | {"kd-temperature-1": [(0.5, 0.5)], "kd-temperature-4": [(0.6, 0.4)]}
    chosen = [row["variant"] for row in value_rows(pareto(runs)) if row["chosen"]]
    assert len(chosen) == 2
    assert chosen[1] == "kd-temperature-4"


def test_words_and_combinations_keep_the_files_order():
    words = ["kd-kd_mask-right", "kd-kd_mask-all"]
    both = ["erde-temperature-4-entropy_weight-1", "erde-temperature-1-entropy_weight-2"]
    assert listed_families([*words, "ce", *both]) == {"kd": words, "erde": both}
    assert value_rows(pareto({"kd": [(0.5, 0.5)]})) == []
