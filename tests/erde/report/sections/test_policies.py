"""One sentence says which policy to ship; it never claims what the interval does not."""

import dataclasses

import pytest

from erde.report.sections.policies import policies_section
from erde.report.words import points
from tests.erde.report.sources import policy_row, source

FIXED = "\N{NO-BREAK SPACE}"


@pytest.fixture(scope="module")
def made():
    return source(seeds=(0,), rivals=False, latency=False)


def body(made, *rows):
    tables = dict(made.rows) | {"policies_overall": list(rows)}
    return str(policies_section(dataclasses.replace(made, rows=tables)).body)


DEFAULT = policy_row("erde", "entropy", "one", 0.0, (0.0, 0.0))


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((0.002, 0.018), "+1.00 points from entropy with one θ, above (+0.20"),
        ((-0.002, 0.022), "+1.00 points from entropy with one θ, not told apart (−0.20"),
    ],
)
def test_the_policy_that_validation_chose(made, ends, words):
    chosen = policy_row("erde", "margin_tempered", "each", 0.01, ends) | {"chosen": True}
    shown = body(made, DEFAULT, chosen)
    assert "For ERDE, ship the policy margin, tempered, one θ per exit: validation chose" in shown
    assert words in shown
    cell = f"✓ +1.00 at 1.00 × ({points(ends[0])} … {points(ends[1])})"
    assert cell in shown.replace(FIXED, " ")
    assert cell.partition(" (")[0].replace(" ", FIXED) in shown  # of one line, whatever the width
    assert "✓" not in shown.partition("margin, tempered, one θ per exit</td>")[0]


def test_the_default_and_a_validation_that_is_too_small(made):
    shown = body(made, DEFAULT | {"chosen": True})
    assert "ship entropy with one θ: on validation no other policy is better by more than" in shown
    shown = body(made, DEFAULT)
    assert "+0.00" not in shown  # it is what all others are held against
    assert "For ERDE, stay with entropy and one θ: validation is too small to choose." in shown
    assert "Fewer than 200 independent validation images make no halves" in shown
    assert "reaches the first exit of ERDE." in body(made)
    alone = {
        key: dataclasses.replace(one, macs=one.macs[-1:]) for key, one in made.networks.items()
    }
    plain = dataclasses.replace(made, networks=alone)
    assert "ERDE never leaves early: there is nothing to decide." in body(plain)
    assert "Fewer than" not in body(made)
