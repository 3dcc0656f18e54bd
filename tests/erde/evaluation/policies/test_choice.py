"""A policy must beat the default by more than its standard error to be shipped."""

import numpy as np

from erde.evaluation.policies.choice import policy_to_ship
from erde.evaluation.policies.policy import DEFAULT, Policy

OTHER = Policy("margin", "each")


def gains(mean, spread, images=400):
    signs = np.tile([1.0, -1.0], images // 2)
    return {DEFAULT: np.zeros(images), OTHER: mean + spread * signs}


def test_the_default_stays_within_one_standard_error():
    error = 0.2 * np.sqrt(400 / 399) / 20
    assert policy_to_ship(gains(0.99 * error, 0.2)) == DEFAULT
    assert policy_to_ship(gains(1.01 * error, 0.2)) == OTHER
    assert policy_to_ship(gains(-0.1, 0.0)) == DEFAULT


def test_of_several_the_best():
    third = Policy("gate", "one")
    assert policy_to_ship(gains(0.02, 0.01) | {third: np.full(400, 0.03)}) == third
