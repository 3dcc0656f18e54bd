"""Pairs are judged for these networks by their own interval, and each count is right."""

import dataclasses
import itertools

import pytest

from erde.report.sections.differences import (
    difference_charts,
    differences_section,
    pair_verdicts,
)
from tests.erde.report.sources import source

PAIR = {"variant": "erde", "against": "kd", "equal": "macs"}


def interval(mean, these, new=None, seeds=3):
    """A row's figures, in points; ``these`` and ``new`` are how far the intervals reach."""
    row = {"difference": mean / 100, "seeds": seeds, "intervals": "ok", "at": 2e6}
    row |= {"seed_lowest": (mean - 1) / 100, "seed_highest": (mean + 1) / 100}
    for kind, half in (("these", these), ("new", new)):
        for side, sign in (("low", -1), ("high", 1)):
            row[f"{kind}_seeds_{side}"] = None if half is None else (mean + sign * half) / 100
    return row


def plain(cells):
    return [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in cells]


@pytest.mark.parametrize(
    ("mean", "these", "new", "verdicts"),
    [
        (-11.9, 5.3, 30, ("worse (−17.20 … −6.60)", "not told apart (−41.90 … +18.10)")),
        (2, 0.5, 1, ("better (+1.50 … +2.50)", "better (+1.00 … +3.00)")),
        (2, 3, 4, ("not told apart (−1.00 … +5.00)", "not told apart (−2.00 … +6.00)")),
    ],
)
def test_each_reader_gets_the_interval_that_is_theirs(mean, these, new, verdicts):
    rows = [PAIR | interval(mean, these, new), PAIR | {"equal": "theta"} | interval(9, 1, 1)]
    ((pair, points, shipped, _, trained),) = map(plain, pair_verdicts(rows, rows))
    assert pair == "ERDE against KD"
    assert points == f"{mean:+.2f}".replace("-", "−")
    assert (shipped, trained) == verdicts


def test_the_budgets_are_counted_for_these_networks():
    budgets = [interval(2, 1, 3), interval(2, 1, 1.5), interval(-2, 1, 1.5), interval(0, 1, 3)]
    budgets.append(interval(5, None))
    rows = [PAIR | row for row in budgets]
    ((*_, count, _),) = pair_verdicts([PAIR | interval(0.5, 1, 2)], rows)
    assert count == "above at 2, below at 1, open at 2"


def test_networks_that_no_cost_suits_both_are_named_not_left_out(two_seeds):
    """As plain ones of two widths: they are compared at equal θ alone."""
    rows = two_seeds.rows
    alone = {
        "comparison": [row for row in rows["comparison"] if row["equal"] == "theta"],
        "overall": [row for row in rows["overall"] if row["equal"] == "theta"],
    }
    body = differences_section(dataclasses.replace(two_seeds, rows=rows | alone)).body
    assert "No cost that both can meet: ERDE and KD." in body
    assert "20 equal budgets together" not in body
    assert "No cost that both" not in differences_section(two_seeds).body


def test_thin_lines_are_the_seeds_range_where_there_are_two():
    for seeds, reach in ((3, 4.0), (2, 1.0)):
        (chart,) = difference_charts([PAIR | interval(2, 1, 4, seeds)])
        thick, thin = (trace["error_y"] for trace in chart.traces)
        for side in ("array", "arrayminus"):
            assert thick[side] == [pytest.approx(1)]
            assert thin[side] == [pytest.approx(reach)]


def test_no_interval_of_two_seeds_is_drawn_or_written(two_seeds):
    """It would reach beyond all that is possible: Student's t is 12.7."""
    section = differences_section(two_seeds)
    assert "range of the two seeds" in section.body
    assert "Two seeds say nothing of networks that are still to be trained" in section.body
    assert "newly trained" not in section.body
    wide = two_seeds.rows["comparison"][0]
    assert f"{100 * wide['new_seeds_high']:+.2f}" not in section.body


def test_a_zero_end_is_drawn_at_zero():
    row = PAIR | interval(1, 1)
    assert row["these_seeds_low"] == 0
    (chart,) = difference_charts([row])
    assert chart.traces[0]["error_y"]["arrayminus"] == [pytest.approx(1)]


def test_what_differs_between_the_trainings_is_said(two_seeds):
    assert "settings of their own" not in differences_section(two_seeds).body
    own = dataclasses.replace(two_seeds, own_train={"kd": "epochs 8", "erde": "kd_warmup 2"})
    body = " ".join(differences_section(own).body.split())
    said = "student: KD with <code>epochs 8</code>; ERDE with <code>kd_warmup 2</code>.</p>"
    assert said in body


def test_it_is_said_that_networks_were_trained_in_several_precisions(two_seeds):
    assert "Caution" not in differences_section(two_seeds).body
    precisions = itertools.cycle(["bf16", "float32"])
    networks = {
        key: dataclasses.replace(network, trained=next(precisions))
        for key, network in two_seeds.networks.items()
    }
    mixed = dataclasses.replace(two_seeds, networks=networks)
    first = "/seed".join(map(str, next(iter(networks))))
    assert f"Caution: networks were trained in bf16 ({first}" in differences_section(mixed).body


def test_one_variant_alone():
    alone = source(methods={"erde": "erde"}, rivals=False, latency=False)
    section = differences_section(alone)
    assert "nothing to compare" in section.body
    assert section.charts == {}
