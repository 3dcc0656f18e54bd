"""What the manifest says of any θ is what validation showed there."""

import itertools

import numpy as np
import pytest

from erde.deployment.choice import choose_threshold
from erde.deployment.promise import promised
from erde_core.outcomes import outcomes
from erde_core.scores.scored_logits import score_logits
from erde_core.store.exit_logits import ExitLogits
from erde_torch.export.manifest import deployment_manifest
from erde_torch.networks.weights import NetworkCard
from tests.erde.deployment.promises import MACS, drawn

NAMES = tuple(f"class {c}" for c in range(10))
CARD = NetworkCard({}, (3, 8, 8), NAMES, (0.5,) * 3, (0.2,) * 3, "0" * 64, "float32")


@pytest.fixture(scope="module", params=["entropy", "margin_tempered", "gate"])
def told(request):
    """A manifest, and the validation images that it rests on, with their score."""
    val = drawn(np.random.default_rng(5), 700)
    exits = score_logits(request.param, ExitLogits(val, val, MACS, "0" * 64, "0" * 64))
    return deployment_manifest(CARD, exits, 8000, "tests", "x"), exits


def shown(exits, theta):
    """Accuracy and mean MACs of the validation images."""
    right, _, left_at = outcomes(exits.val, np.asarray(theta), exits.score)
    return right.mean(), MACS[left_at].mean()


def test_validation_lies_within_the_promise_at_any_threshold(told):
    manifest, exits = told
    rng, scores = np.random.default_rng(6), exits.score.values(exits.val.logits)[:, :-1]
    largest = manifest["largest_theta"]
    for theta in [*rng.uniform(0, largest, 150), *rng.choice(scores.ravel(), 150), largest]:
        accuracy, macs = promised(manifest, float(theta))
        for found, (low, high) in zip(shown(exits, theta), (accuracy, macs), strict=True):
            assert low - 1e-9 <= found <= high + 1e-9
        assert accuracy[1] - accuracy[0] <= 0.02
        assert macs[1] - macs[0] <= 0.02 * MACS[-1]


@pytest.mark.parametrize(
    "wish",
    [{}, {"theta": 0}, {"budget": "300"}, {"max_drop": 0.01}, {"budget": "250", "per_exit": True}],
)
def test_at_a_threshold_that_was_certified_or_chosen_it_is_exact(told, wish):
    manifest, exits = told
    theta = choose_threshold(manifest, **wish)
    accuracy, macs = promised(manifest, theta)
    assert (accuracy[0], macs[0]) == (accuracy[1], macs[1]) == pytest.approx(shown(exits, theta))


def test_every_point_is_there_where_they_are_few():
    val = drawn(np.random.default_rng(7), 40)
    exits = score_logits("entropy", ExitLogits(val, val, MACS, "0" * 64, "0" * 64))
    rows = deployment_manifest(CARD, exits, 8000, "tests", "x")["operating_points"]
    for row, after in itertools.pairwise(rows):
        assert row[3:] == sorted([row[1], after[1]])
        assert row[1:3] == pytest.approx(shown(exits, row[0]))
