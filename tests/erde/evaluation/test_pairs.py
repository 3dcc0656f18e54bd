"""What can be put together from two trained networks, and what it answers."""

from dataclasses import replace

import numpy as np

from erde.evaluation import pairs
from erde.evaluation.pairs import Candidate, candidates, in_order
from tests.erde.evaluation.networks import network, plain


def early(seed):
    return Candidate("erde", "early exit", {0: network(seed, samples=100)})


def test_a_mixture_is_a_plain_network_before_one_that_leaves_early():
    thin = plain("thin", right=60, macs=8)
    mixture = next(c for c in candidates([thin, early(1)]) if c.way == "mixture")
    exits = mixture.seeds[0]
    assert exits.macs.tolist() == [8, 18, 28, 48]
    assert exits.test.logits.shape == (100, 4, 5)
    np.testing.assert_array_equal(exits.test.logits[:, 1:], early(1).seeds[0].test.logits)
    assert [c.way for c in candidates([plain("dear", right=60, macs=90), early(1)])][2:] == []


def test_a_cascade_decides_as_its_members_one_after_the_other():
    first, second = network(1, samples=60), network(2, 2.0, samples=60)
    both = in_order(first, second)
    assert both.macs.tolist() == [10, 20, 40, 50, 60, 80]
    np.testing.assert_array_equal(both.val.logits[:, 3:], second.val.logits)


def test_pairs_are_put_together_when_they_are_asked_for(monkeypatch):
    """All pairs of many classes would fill the memory."""
    made = []
    monkeypatch.setattr(pairs, "in_order", lambda *both: made.append(both) or both[0])
    found = candidates([plain("thin", right=60, macs=8), plain("dear", right=60, macs=9), early(1)])
    assert [c.name for c in found[3:]] == ["thin → dear", "thin → erde", "dear → erde"]
    assert [c.way for c in found[3:]] == ["cascade", "mixture", "mixture"]
    assert ([list(c.seeds) for c in found], made) == ([[0]] * 6, [])
    list(found[3].seeds.values())
    assert len(made) == 1


def test_networks_of_other_seeds_are_no_pair():
    other = Candidate("dear", "plain", {1: plain("dear", right=60, macs=9).seeds[0]})
    assert len(candidates([plain("thin", right=60, macs=8), other])) == 2


def test_a_cascade_that_the_file_names_is_not_put_together_again():
    """One that averages has the same costs, and answers otherwise: it is another candidate."""
    thin, dear = (plain(name, right=60, macs=macs) for name, macs in (("thin", 8), ("dear", 9)))
    named = Candidate("mine", "cascade", {0: in_order(thin.seeds[0], dear.seeds[0])})
    assert [c.name for c in candidates([thin, dear, named])] == ["thin", "dear", "mine"]
    one = named.seeds[0]
    averaged = replace(one, val=replace(one.val, logits=one.val.logits - 1))
    other = Candidate("mean", "cascade", {0: averaged})
    assert [c.name for c in candidates([thin, dear, other])][2:] == ["mean", "thin → dear"]
