"""The certified θ of an int8 network holds for it: resampled from its own logits."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from erde_core.certify import certified_index, critical_count, harm_counts, harm_steps
from erde_core.outcomes import right_answers
from erde_core.softmax import entropy

DRAWS, UNITS, EPSILON, DELTA = 1000, 1000, 0.05, 0.1


@pytest.fixture(scope="module")
def steps(in_int8):
    """Every operating point of the int8 network, on a population whose true harm is known.

    It is right where it does not leave early, so that every changed answer is a harm.
    """
    val = in_int8.exits.val
    truth = replace(val, labels=val.logits[:, -1].argmax(axis=1))
    found = harm_steps(entropy(val.logits), right_answers(truth), 10)
    assert found.right.any()
    return found


def violations(steps, choose):
    """In how many of the draws the chosen point harms more than EPSILON of the population."""
    people = steps.right.shape[0]
    risk = harm_counts(steps, np.ones((1, people), np.int64))[0] / people
    assert risk[0] == 0
    assert risk.max() > 2 * EPSILON
    draws = np.random.default_rng(7).multinomial(UNITS, np.full(people, 1 / people), size=DRAWS)
    return int((risk[choose(harm_counts(steps, draws))] > EPSILON).sum())


def by_chance(count):
    """The exact probability of so many violations or more, were each as likely as DELTA."""
    return binom.sf(count - 1, DRAWS, DELTA)


def test_violations_are_no_more_than_delta_allows(steps):
    critical = critical_count(UNITS, EPSILON, DELTA)
    assert by_chance(violations(steps, lambda harmed: certified_index(harmed, critical))) > 1e-3


def test_the_share_that_was_seen_guarantees_nothing(steps):
    """What must not be done: to take EPSILON of the drawn images for EPSILON of all."""
    found = violations(steps, lambda harmed: certified_index(harmed, int(EPSILON * UNITS)))
    assert by_chance(found) < 1e-9
