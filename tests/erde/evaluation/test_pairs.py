"""What can be put together from two trained networks, and what it answers."""

from dataclasses import replace

import numpy as np
import pytest

from erde.evaluation.pairs import AVERAGED, Candidate, candidates, in_order
from erde_core.softmax import softmax
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


@pytest.mark.parametrize("split", ["val", "test"])
def test_averaged_the_second_member_answers_for_both(split):
    """By the geometric mean of the probabilities at the first's last exit and at its own."""
    first, second = network(1, samples=60), network(2, 2.0, samples=60)
    both = in_order(first, second, average=True)
    assert both.macs.tolist() == in_order(first, second).macs.tolist()
    mine, theirs, found = (getattr(one, split).logits for one in (first, second, both))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, :3], mine)
    wanted = np.sqrt(softmax(mine[:, 2:]) * softmax(theirs))
    np.testing.assert_allclose(found[:, 3:], np.log(wanted), rtol=1e-5)
    assert (found[:, 3:].argmax(2) != theirs.argmax(2)).any()


def test_a_number_added_to_all_logits_changes_nothing():
    """Log-probabilities are averaged, in which it does not show."""
    first, second = network(1, samples=60), network(2, samples=60)
    moved = second.test.logits + np.float32(50)
    changed = replace(second, test=replace(second.test, logits=moved))
    found, wanted = (in_order(first, one, average=True).test for one in (changed, second))
    np.testing.assert_allclose(found.logits[:, 3:], wanted.logits[:, 3:], atol=1e-4)


def test_of_every_pair_there_are_two():
    found = candidates([plain("thin", right=60, macs=8), plain("dear", right=60, macs=9), early(1)])
    pairs = ["thin → dear", "thin → erde", "dear → erde"]
    assert [c.name for c in found[3:]] == [n + end for n in pairs for end in ("", AVERAGED)]
    assert [c.way for c in found[3:]] == ["cascade"] * 2 + ["mixture"] * 4
    assert [list(c.seeds) for c in found] == [[0]] * 9


def test_networks_of_other_seeds_are_no_pair():
    other = Candidate("dear", "plain", {1: plain("dear", right=60, macs=9).seeds[0]})
    assert len(candidates([plain("thin", right=60, macs=8), other])) == 2
