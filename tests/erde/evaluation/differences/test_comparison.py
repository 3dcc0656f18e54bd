"""Paired comparisons: known differences, both kinds of interval, what cannot be paired."""

import dataclasses

import numpy as np
import pytest

from erde.evaluation.choice import choose_for_budget
from erde.evaluation.differences.comparison import (
    area_rows,
    band_rows,
    comparison_rows,
    difference_row,
    overall_rows,
    pairs,
)
from erde.evaluation.differences.resample import budgets_of, resample_variants
from erde_core.outcomes import outcomes
from erde_core.statistics.bootstrap import group_weights
from tests.erde.evaluation.networks import MACS, network


@pytest.fixture(scope="module")
def students():
    return {(v, s): network(s, lift) for v, lift in (("kd", 0.5), ("erde", 1.5)) for s in (0, 1)}


METHODS = {"kd": "kd", "erde": "erde"}
SCORE = network(0).score
ENDS = [(kind, end) for kind in ("these", "new") for end in ("low", "high")]


def test_a_better_variant_is_seen_at_equal_cost_and_at_equal_threshold(students):
    resampled = resample_variants(students)
    rows = comparison_rows(resampled, METHODS, SCORE)
    at = {kind: [r for r in rows if r["equal"] == kind] for kind in ("macs", "theta")}
    assert [r["at"] for r in at["macs"]] == pytest.approx(10 + 30 * np.arange(1, 21) / 20)
    assert [r["at"] for r in at["theta"]] == pytest.approx(np.log(5) * np.arange(1, 21) / 20)
    assert all(r["variant"] == "erde" and r["against"] == "kd" for r in rows)
    assert all(r["these_seeds_low"] > 0 for r in at["macs"])
    assert all(r["theta_from"] == "given" for r in at["theta"])
    # The surer network is the cheaper one at the same threshold.
    assert at["theta"][9]["variant_macs"] < at["theta"][9]["against_macs"]
    for row in rows:
        assert row["these_seeds_low"] <= row["difference"] <= row["these_seeds_high"]
        assert row["new_seeds_low"] <= row["these_seeds_low"]
        assert row["seeds"] == 2


def test_validation_chooses_theta_for_a_budget_and_the_test_images_say_what_it_gives(students):
    rows = comparison_rows(resample_variants(students), METHODS, SCORE)
    for row in (r for r in rows if r["equal"] == "macs"):
        sides = []
        for variant in ("erde", "kd"):
            seeds = [students[variant, s] for s in (0, 1)]
            thetas = [choose_for_budget(one, row["at"]).threshold for one in seeds]
            found = [outcomes(o.test, t, o.score) for o, t in zip(seeds, thetas, strict=True)]
            sides.append(
                (np.mean([f[0] for f in found]), np.mean([MACS[exits] for *_, exits in found]))
            )
        assert row["theta_from"] == "validation"
        assert row["difference"] == pytest.approx(sides[0][0] - sides[1][0])
        assert row["variant_macs"] == pytest.approx(sides[0][1])
        assert row["against_macs"] == pytest.approx(sides[1][1])


def test_one_interval_for_all_budgets_is_that_of_their_mean(students):
    resampled = resample_variants(students)
    each = comparison_rows(resampled, METHODS, SCORE)
    rows = overall_rows(resampled, METHODS, SCORE)
    assert [r["equal"] for r in rows] == ["macs", "theta"]
    for row in rows:
        mine = [r for r in each if r["equal"] == row["equal"]]
        assert row["difference"] == pytest.approx(np.mean([r["difference"] for r in mine]))
        # Budgets share their images: what is drawn with one is drawn with all, so the mean varies
        # by less than the budgets do on average, but by far more than 20 independent ones.
        wide = np.array([r["these_seeds_high"] - r["these_seeds_low"] for r in mine])
        width = row["these_seeds_high"] - row["these_seeds_low"]
        assert np.sqrt((wide**2).sum()) / 20 < width < wide.mean()
        assert row["seeds"] == 2


def test_too_few_groups_give_no_interval_and_say_so():
    for samples, status in ((38, "needs 20 test groups"), (40, "ok")):  # two images per group
        few = {(v, s): network(s, samples=samples) for v in ("kd", "erde") for s in (0, 1)}
        resampled = resample_variants(few)
        rows = band_rows(resampled) + area_rows(resampled)
        rows += comparison_rows(resampled, METHODS, SCORE) + overall_rows(resampled, METHODS, SCORE)
        test = few["kd", 0].test
        weights = group_weights(test.group, 9, seed=0)
        rows.append(difference_row(np.zeros((2, samples)), weights, test.group))
        assert {row["intervals"] for row in rows} == {status}
        ends = [row[f"{kind}_seeds_{end}"] for row in rows for kind, end in ENDS]
        assert all((value is None) == (status != "ok") for value in ends)


def test_a_variant_against_itself_has_no_difference(students):
    many = [network(s, samples=400) for s in (0, 1)]  # groups enough for the bootstrap alone
    twice = {(v, s): many[s] for v in ("kd", "erde") for s in (0, 1)}
    for row in comparison_rows(resample_variants(twice), METHODS, SCORE):
        assert row["these_seeds_low"] == row["difference"] == row["new_seeds_high"] == 0


def test_one_seed_says_nothing_of_new_ones(students):
    alone = {("kd", 0): students["kd", 0]}
    resampled = resample_variants(alone)
    rows = band_rows(resampled) + area_rows(resampled)
    assert all(row["new_seeds_low"] is None and row["seeds"] == 1 for row in rows)
    assert len(rows) == len(budgets_of(MACS)) + 1
    assert comparison_rows(resampled, {"kd": "kd"}, SCORE) == []


def test_which_variants_are_compared():
    assert pairs({"a": "ce", "b": "erde", "c": "kd"}) == [("b", "a"), ("b", "c")]
    assert pairs({"a": "ce", "c": "kd"}) == [("a", "c")]


def test_listed_values_are_compared_with_the_first_of_their_list():
    erde = ["erde-entropy_weight-0", "erde-entropy_weight-0.3", "erde-entropy_weight-1"]
    alone = [(erde[1], erde[0]), (erde[2], erde[0])]
    assert pairs(dict.fromkeys(erde, "erde")) == alone
    with_kd = pairs({"kd": "kd"} | dict.fromkeys(erde, "erde"))
    assert with_kd == [(label, "kd") for label in erde] + alone
    kd = {"kd-temperature-1": "kd", "kd-temperature-4": "kd"}
    assert pairs(kd | {"ce": "ce"}) == [
        ("kd-temperature-1", "ce"),
        ("kd-temperature-4", "kd-temperature-1"),
    ]
    assert pairs({"a": "erde", "b": "erde"}) == [("a", "b")]


def test_different_networks_are_compared_where_both_can_pay(students):
    dear = {
        ("own", s): dataclasses.replace(network(9 + s, 1.5), macs=np.array([15, 30, 90]))
        for s in (0, 1)
    }
    methods = METHODS | {"own": "kd"}
    resampled = resample_variants(students | dear)
    rows = comparison_rows(resampled, methods, SCORE)
    alone = comparison_rows(resample_variants(students), METHODS, SCORE)
    assert [row for row in rows if row["against"] == "kd"] == alone
    budgets = [r["at"] for r in rows if r["against"] == "own" and r["equal"] == "macs"]
    assert budgets == pytest.approx(15 + 25 * np.arange(1, 21) / 20)
    bands = [r["budget_macs"] for r in band_rows(resampled) if r["variant"] == "own"]
    assert bands == pytest.approx(15 + 75 * np.arange(1, 101) / 100)
    whole = [row for row in overall_rows(resampled, methods, SCORE) if row["against"] == "own"]
    mine = [r["difference"] for r in rows if r["against"] == "own" and r["equal"] == "macs"]
    assert whole[0]["difference"] == pytest.approx(np.mean(mine))


@pytest.mark.parametrize(("macs", "budgets"), [([41, 60, 90], 0), ([40, 60, 90], 1)])
def test_without_a_cost_in_common_only_thresholds_are_compared(students, macs, budgets):
    dear = {("own", s): dataclasses.replace(network(9 + s), macs=np.array(macs)) for s in (0, 1)}
    resampled = resample_variants(students | dear)
    methods = METHODS | {"own": "kd"}
    rows = [r for r in comparison_rows(resampled, methods, SCORE) if r["against"] == "own"]
    assert sum(row["equal"] == "macs" for row in rows) == budgets
    equal = [r["equal"] for r in overall_rows(resampled, methods, SCORE) if r["against"] == "own"]
    assert equal == ["macs", "theta"][1 - budgets :]
