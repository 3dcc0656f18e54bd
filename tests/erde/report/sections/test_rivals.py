"""Early exit is held against the plain network that validation chooses."""

import dataclasses

from erde.report.sections.rivals import rival_verdicts, rivals_section
from tests.erde.report.sections.test_differences import interval, plain
from tests.erde.report.sources import source

SAME = {"exit": 0, "budget_macs": 2500000, "variant": "ours", "variant_accuracy": 0.6}


def test_it_is_the_plain_network_that_is_best_on_validation():
    lucky = {"kind": "truncated", "rival_val_accuracy": 0.5, "rival_accuracy": 0.9}
    good = {"kind": "narrow", "rival_val_accuracy": 0.8, "rival_accuracy": 0.7}
    other = SAME | good | {"variant": "ce"} | interval(9, 1, 2)
    rows = [other, SAME | lucky | interval(20, 1, 2), SAME | good | interval(-4, 1, 5)]
    ((budget, kind, early, other, points, shipped, trained),) = map(
        plain, rival_verdicts(rows, "ours")
    )
    assert (budget, kind, early, other) == ("2.50 M MACs", "narrow", "60.00 %", "70.00 %")
    assert points == "−4.00"
    assert shipped == "not worth it (−5.00 … −3.00)"
    assert trained == "not told apart (−9.00 … +1.00)"


def test_the_section(two_seeds):
    body = rivals_section(two_seeds).body
    assert body.count("<tr>") == 2 + 1 + len(two_seeds.rows["rivals"])
    assert "range of the two seeds" in body


def test_they_learn_as_kd_does(two_seeds):
    assert "its own training" not in rivals_section(two_seeds).body
    own = dataclasses.replace(two_seeds, own_train={"erde": "kd_warmup 2"})
    assert "its own training" not in rivals_section(own).body
    own = dataclasses.replace(two_seeds, own_train={"kd": "epochs 8"})
    assert "KD (its own training, <code>epochs 8</code>,\nincluded)" in rivals_section(own).body


def test_without_rivals():
    body = rivals_section(source(rivals=False, latency=False)).body
    assert "none were trained (<code>rivals:\nfalse</code>), or no variant leaves as" in body


def test_a_network_of_its_own_may_leave_later_than_a_rival_ends():
    held = {"kind": "narrow", "rival_val_accuracy": 0.8, "rival_accuracy": 0.7}
    later = SAME | held | {"exit": 1, "budget_macs": 5000000} | interval(-4, 1, 5)
    rows = [SAME | held | {"variant": "ce"} | interval(9, 1, 2), later]
    first, second = rival_verdicts(rows, "ours")
    assert plain(first[:1]) == ["2.50 M MACs"]
    assert first[1:] == [None, "leaves later", None, None, None, None]
    assert second[1] == "narrow"
