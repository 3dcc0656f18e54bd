"""The report opens with what to ship, in the words of each reader's own interval."""

import dataclasses
import re

import pytest

from erde.report.sections.decision import decision_section
from tests.erde.report.sources import source


def text(section):
    plain = re.sub(r"<[^>]+>", " ", section.body).replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r" ([.,])", r"\1", " ".join(plain.split()))


def changed(source, **cells):
    rows = [row | cells for row in source.rows["decision"]]
    return dataclasses.replace(source, rows=source.rows | {"decision": rows})


def test_budget_theta_cost_and_accuracy_stand_beside_the_teachers(two_seeds):
    shown = text(decision_section(two_seeds))
    row = two_seeds.rows["decision"][0]
    assert re.search(r"For 1/\d+ of the teacher's cost, ship ERDE, seed \d", shown)
    assert f"θ = {row['threshold_nats']:.4g} nats" in shown
    assert f"{100 * row['test_accuracy']:.2f} %" in shown
    assert "right at 24.00 million" in shown
    teacher = f"1/1 the teacher – 24.00 {100 * row['teacher_accuracy']:.2f} %"
    assert teacher in shown


def test_the_number_of_a_seed_stays_beside_its_word(two_seeds):
    body = decision_section(two_seeds).body
    assert re.search(r"<td[^>]*>ERDE, seed\N{NO-BREAK SPACE}\d", body)
    assert not re.search(r"seed \d", body)


@pytest.mark.parametrize(
    ("low", "high", "sentence"),
    [
        (-0.172, -0.066, "Below the teacher: −11.90 points, 95 % interval −17.20 … −6.60."),
        (-0.172, 0.01, "Not told apart from the teacher: −11.90 points"),
        (None, None, "−11.90 points against the teacher; too few test images for an interval."),
    ],
)
def test_who_ships_these_weights_reads_their_interval(two_seeds, low, high, sentence):
    """Certain for these networks is certain, however little two seeds say of others."""
    cells = {"difference": -0.119, "difference_low": low, "difference_high": high}
    shown = text(decision_section(changed(two_seeds, **cells)))
    assert f"If you ship these weights {sentence}" in shown


def test_who_trains_again_is_told_that_two_seeds_say_nothing(two_seeds):
    cells = {"seed_lowest": -0.14, "seed_highest": -0.098}
    shown = text(decision_section(changed(two_seeds, **cells)))
    assert (
        "If you train again Two seeds say nothing of a third: these lie at −14.00 and −9.80 points."
    ) in shown


def test_who_trains_again_reads_the_interval_of_three_seeds(three_seeds):
    cells = {"again_difference": 0.02, "again_low": 0.01, "again_high": 0.03}
    shown = text(decision_section(changed(three_seeds, **cells)))
    assert "If you train again Above the teacher: +2.00 points" in shown


def test_it_opens_with_the_smallest_budget_that_holds_the_teachers_level(two_seeds):
    # By validation: what the test images say then is no reason to open with another.
    rows = [dict(row) for row in two_seeds.rows["decision"]]
    for row, high in zip(rows, (0.02, 0.01, -0.01, -0.02, -0.03), strict=True):
        row |= {"val_difference_high": high, "difference_high": -0.1, "threshold_nats": 0.5}
    level = dataclasses.replace(two_seeds, rows=two_seeds.rows | {"decision": rows})
    assert "For 1/6 of the teacher's cost" in text(decision_section(level))
    low = changed(two_seeds, val_difference_high=-0.01, difference_high=0.1, threshold_nats=0.5)
    assert "For 1/5 of the teacher's cost" in text(decision_section(low))
    assert "at each of them validation finds it below the teacher" in text(decision_section(low))


def test_without_intervals_it_opens_with_the_largest_budget(two_seeds):
    """Nothing is known to be level with the teacher, the cheapest budget least of all."""
    shown = text(decision_section(changed(two_seeds, val_difference_high=None)))
    assert "For 1/5 of the teacher's cost" in shown
    assert "The largest of these budgets; too few validation images to compare them." in shown
    assert "does not find it below" not in shown


def test_a_small_threshold_keeps_its_digits(two_seeds):
    shown = text(decision_section(changed(two_seeds, threshold_nats=2.3456789e-5)))
    assert "θ = 2.346e-05 nats" in shown
    assert "0.0000" not in shown


def test_no_budget_can_be_met(two_seeds):
    empty = changed(two_seeds, threshold_nats=None, status="not reachable")
    shown = text(decision_section(empty))
    assert "reaches a student's first exit" in shown
    assert "1/12 not reachable" in shown


def test_one_seed_says_nothing_of_another():
    shown = text(decision_section(source(seeds=(0,), rivals=False, latency=False)))
    assert "If you train again One seed says nothing of another" in shown
