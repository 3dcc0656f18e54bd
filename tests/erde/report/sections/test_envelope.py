"""Which way to be cheap, in a sentence per budget and in a table."""

import dataclasses

from erde.evaluation.envelope import SHARES
from erde.report.sections.envelope import envelope_section, shown, verdict

EMPTY = {
    "budget_of": "teacher",
    "teacher_share": "1/12",
    "network": None,
    "chosen": False,
    "test_accuracy": None,
    "budget_macs": 100.0,
    "test_mean_macs": 96.0,
}


def row(way, network, accuracy, chosen=False):
    found = {"way": way, "network": network, "test_accuracy": accuracy, "chosen": chosen}
    return EMPTY | found


def test_a_verdict_names_the_best_and_what_the_others_give():
    rows = [
        row("plain", "members/resnet10-w0.1-plain-0a1b2c3d", 0.88),
        row("early exit", "erde", 0.75),
        row("cascade", "narrow0 → narrow2", 0.893, chosen=True),
        row("mixture", None, None),
    ]
    assert verdict(rows).replace("\N{NO-BREAK SPACE}", " ") == (
        "At 1/12 of the teacher's cost: cascade, narrow0 → narrow2, 89.30 % "
        "(plain 88.00 %, early exit 75.00 %)."
    )
    assert shown(rows[0]) == "resnet10-w0.1-plain"
    assert shown(row("mixture", "members/a-plain-0a1b2c3d → erde", 1)) == "a-plain → ERDE"
    assert "nothing is cheap enough" in verdict([row("plain", None, None)])


def test_what_a_plain_network_leaves_unspent_is_said():
    rows = [
        row("plain", "thin", 0.88) | {"test_mean_macs": 80.0},
        row("early exit", "erde", 0.75) | {"test_mean_macs": 60.0},
        row("cascade", "thin → dear", 0.893, chosen=True),
    ]
    said = verdict(rows).replace("\N{NO-BREAK SPACE}", " ")
    assert "(plain 88.00 % for 80 % of that cost, early exit 75.00 %)." in said
    rows[0]["test_mean_macs"] = 96.0
    assert "(plain 88.00 %, early" in verdict(rows).replace("\N{NO-BREAK SPACE}", " ")


def test_the_section(two_seeds):
    body = envelope_section(two_seeds).body
    assert body.count("<li>") == len(SHARES) == body.count("<tr>") - 1
    assert body.count("★ ") == len(SHARES) + 1  # and once in the words above


def test_without_rows():
    from tests.erde.report.sources import source

    found = source(rivals=False, latency=False)
    rows = {**found.rows, "envelope": []}
    assert "was held against" in envelope_section(dataclasses.replace(found, rows=rows)).body
