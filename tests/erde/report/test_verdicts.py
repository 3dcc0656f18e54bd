"""What the report says in words: the widest interval decides, and each count is right."""

import pytest

from erde.report.verdicts import pair_verdicts, rival_verdicts

PAIR = {"variant": "erde", "against": "kd", "equal": "macs"}


def interval(mean, these, new=None):
    """A row's figures, in points; ``these`` and ``new`` are how far the intervals reach."""
    row = {"difference": f"{mean / 100}"}
    for kind, half in (("these", these), ("new", new)):
        for side, sign in (("low", -1), ("high", 1)):
            text = "" if half is None else f"{(mean + sign * half) / 100}"
            row[f"{kind}_seeds_{side}"] = text
    return row


@pytest.mark.parametrize(
    ("mean", "these", "new", "verdict"),
    [
        (2, 0.5, 1, "better over 2 equal budgets together, +2.00 points, 95 % interval for new"),
        (2, 0.5, 3, "undecided over 2 equal budgets together, +2.00 points, 95 % interval for new"),
        (-2, 0.5, 1, "worse over 2 equal budgets together, -2.00 points, 95 % interval for new"),
        (2, 0.5, None, "better over 2 equal budgets together, +2.00 points, 95 % interval for the"),
        (2, 3, None, "undecided over 2 equal budgets together, +2.00 points, 95 % interval for th"),
    ],
)
def test_the_widest_interval_decides(mean, these, new, verdict):
    overall = [PAIR | interval(mean, these, new), PAIR | {"equal": "theta"} | interval(9, 1, 1)]
    comparison = [PAIR | interval(mean, these, new)] * 2
    comparison += [PAIR | {"equal": "theta"} | interval(9, 1, 1)]
    (sentence,) = pair_verdicts(overall, comparison)
    assert sentence.startswith(f"ERDE against KD: {verdict}")


def test_the_budgets_are_counted_for_both_kinds_of_interval():
    budgets = [interval(2, 1, 3), interval(2, 1, 1.5), interval(-2, 1, 1.5), interval(0, 1, 3)]
    (sentence,) = pair_verdicts([PAIR | interval(0.5, 1, 2)], [PAIR | row for row in budgets])
    assert sentence.endswith(
        "One by one, for these networks above at 2, below at 1, open at 1; "
        "for newly trained ones above at 1, below at 1, open at 2."
    )


def test_early_exit_is_held_against_the_plain_network_that_validation_chooses():
    same = {"exit": "0", "budget_macs": "2500000", "variant": "ours"}
    lucky = {"kind": "truncated", "rival_val_accuracy": "0.5", "rival_accuracy": "0.9"}
    good = {"kind": "narrow", "rival_val_accuracy": "0.8", "rival_accuracy": "0.7"}
    other = same | good | {"variant": "ce"} | interval(9, 1, 2)
    rows = [other, same | lucky | interval(20, 1, 2), same | good | interval(-4, 1, 2)]
    assert rival_verdicts(rows, "ours") == [
        "At 2.50 M MACs early exit (ours) is not worth it against the plain network that is best "
        "on validation (narrow): -4.00 points, 95 % interval for new seeds -6.00 … -2.00."
    ]


def test_too_few_test_images_leave_it_undecided_and_say_why():
    short = {"intervals": "needs 20 test groups"} | interval(2, None)
    (sentence,) = pair_verdicts([PAIR | short], [PAIR | short] * 2)
    assert sentence == (
        "ERDE against KD: undecided over 2 equal budgets together, +2.00 points, "
        "no interval (needs 20 test groups). One by one, none has an interval."
    )
