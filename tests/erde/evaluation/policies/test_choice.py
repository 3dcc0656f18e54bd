"""A policy must beat the default by more than its standard error to be shipped."""

import numpy as np

from erde.evaluation.policies.choice import policy_to_ship
from erde.evaluation.policies.policy import DEFAULT, Policy

ALONE = np.arange(400)
OTHER = Policy("margin", "each")


def gains(mean, spread, images=400):
    signs = np.tile([1.0, -1.0], images // 2)
    return {DEFAULT: np.zeros(images), OTHER: mean + spread * signs}


def test_the_default_stays_within_one_standard_error():
    error = 0.2 * np.sqrt(400 / 399) / 20
    assert policy_to_ship(gains(0.99 * error, 0.2), ALONE) == DEFAULT
    assert policy_to_ship(gains(1.01 * error, 0.2), ALONE) == OTHER
    assert policy_to_ship(gains(-0.1, 0.0), ALONE) == DEFAULT


def test_of_several_the_best():
    third = Policy("gate", "one")
    assert policy_to_ship(gains(0.02, 0.01) | {third: np.full(400, 0.03)}, ALONE) == third


def test_images_of_one_group_count_once():
    # Ten equal images each of forty groups: the error is that of forty.
    error = 0.2 * np.sqrt(40 / 39) / np.sqrt(40)
    group = np.repeat(np.arange(40), 10)
    for mean, chosen in ((0.99 * error, DEFAULT), (1.01 * error, OTHER)):
        of_groups = gains(mean, 0.2, images=40)
        of_images = {policy: values.repeat(10) for policy, values in of_groups.items()}
        assert policy_to_ship(of_images, group) == chosen
