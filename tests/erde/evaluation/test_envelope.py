"""The four ways to be cheap, by networks whose answers are known."""

import dataclasses

import numpy as np
import pytest

from erde.evaluation.budgets import Whole
from erde.evaluation.envelope import SHARES, envelope_rows
from erde.evaluation.pairs import Candidate, candidates
from erde.evaluation.tables import ENVELOPE
from erde_core.outcomes import outcomes, right_answers, split_sweep
from erde_core.scores.scored_logits import score_logits
from erde_core.store.exit_logits import ExitLogits
from erde_core.sweep import best_index
from tests.erde.evaluation.networks import answers, network, plain

TEACHER = dataclasses.replace(network(0), macs=np.array([300, 600, 1200]))
WHOLE = Whole(int(TEACHER.macs[-1]), "teacher")


def by_way(rows, share):
    return {row["way"]: row for row in rows if row["teacher_share"] == share}


def test_two_plain_networks_make_a_cascade_that_costs_and_answers_as_both():
    thin, dear = plain("thin", right=60, macs=80), plain("dear", right=90, macs=100)
    found = candidates([thin, dear])
    assert [c.name for c in found] == ["thin", "dear", "thin → dear"]
    rows = envelope_rows(WHOLE, found)
    assert [r["teacher_share"] for r in rows] == [f"1/{s}" for s in SHARES for _ in range(4)]
    # At 1/8 the 50 images that the thin one is unsure of pay for both: 80 + 100 / 2 MACs.
    eighth = by_way(rows, "1/8")
    assert eighth["cascade"]["test_accuracy"] == 0.9
    assert eighth["cascade"]["test_mean_macs"] == 80 + 50
    assert (eighth["plain"]["network"], eighth["plain"]["test_accuracy"]) == ("dear", 0.9)
    assert (eighth["plain"]["trials"], eighth["cascade"]["trials"]) == (2, 1)
    # At 1/14 nobody but the thin one can pay, and a cascade's first exit is the thin one.
    last = by_way(rows, "1/14")
    assert [last[way]["test_accuracy"] for way in ("plain", "cascade")] == [0.6, 0.6]
    assert last["mixture"]["network"] is None
    assert last["mixture"]["trials"] == 0


def test_validation_chooses_and_test_tells():
    lucky, good = plain("lucky", right=70, macs=80), plain("good", right=80, macs=80)
    other = dataclasses.replace(lucky.seeds[0], test=answers(99, 50))
    rows = envelope_rows(WHOLE, [dataclasses.replace(lucky, seeds={0: other}), good])
    chosen = by_way(rows, "1/12")["plain"]
    assert (chosen["network"], chosen["test_accuracy"]) == ("good", 0.8)
    assert chosen["chosen"]


def test_what_a_way_loses_against_the_best_of_all():
    early = Candidate("erde", "early exit", {0: network(1, 0.2, samples=100)})
    rows = envelope_rows(WHOLE, candidates([plain("thin", right=95, macs=8), early]))
    for share in (f"1/{s}" for s in SHARES):
        ways = by_way(rows, share)
        told = {w: r["test_accuracy"] for w, r in ways.items() if r["network"] is not None}
        most = max(told.values())
        for way, accuracy in told.items():
            assert ways[way]["behind_best"] == pytest.approx(accuracy - most)
        assert sum(row["chosen"] for row in ways.values()) == 1


def test_the_rows_are_a_table(tmp_path):
    rows = envelope_rows(WHOLE, [plain("thin", right=60, macs=80)])
    ENVELOPE.write(tmp_path / "envelope.csv", rows)
    assert ENVELOPE.read(tmp_path / "envelope.csv") == rows


@pytest.mark.parametrize("label", ["margin", "gate", "entropy_tempered"])
def test_all_leave_by_the_score_of_the_experiment(label):
    """θ is chosen where no fit has looked, for networks that never leave early as well."""
    exits = network(1, samples=600)
    exits = ExitLogits(exits.val, exits.test, exits.macs, "data", "weights")
    early = Candidate("erde", "early exit", {0: exits})
    alone = dataclasses.replace(exits, macs=exits.macs[-1:])
    for split in ("val", "test"):
        last = getattr(exits, split)
        last = dataclasses.replace(last, logits=last.logits[:, -1:])
        alone = dataclasses.replace(alone, **{split: last})
    whole = Whole(150, "teacher")
    found = by_way(
        envelope_rows(whole, [early, Candidate("thin", "plain", {0: alone})], label), "1/5"
    )
    scored = score_logits(label, exits)
    points = split_sweep(scored.val, scored.macs, scored.score)
    index = best_index(points, 30)
    right, _, taken = outcomes(scored.test, float(points.threshold[index]), scored.score)
    assert found["early exit"]["val_accuracy"] == points.accuracy[index]
    assert found["early exit"]["test_accuracy"] == right.mean()
    assert found["early exit"]["test_mean_macs"] == scored.macs[taken].mean()
    assert found["plain"]["network"] is None  # 40 MACs are above 150 / 5
    cheap = dataclasses.replace(alone, macs=np.array([30]))
    rows = envelope_rows(whole, [early, Candidate("thin", "plain", {0: cheap})], label)
    judged = right_answers(scored.val)[:, -1].mean()
    assert by_way(rows, "1/5")["plain"]["val_accuracy"] == pytest.approx(judged)
