"""First weights, and weights after two epochs, as they were before the packages were rebuilt."""

import json

import pytest

from tests.goldens.trainings import FILE, NAMES, first_weights, processor, weights

GOLDENS = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def golden():
    """This processor's hashes; the test is skipped where nobody has recorded any."""
    if processor() not in GOLDENS:
        pytest.skip(
            f"no goldens for {processor()!r}: python -m tests.goldens.trainings on a commit that "
            "is known to be right records them"
        )
    return GOLDENS[processor()]


@pytest.mark.parametrize("network", ["resnet10", "resnet18", "resnet34", "resnet50"])
def test_first_weights(golden, network):
    assert first_weights(network) == golden[f"first {network}"]


@pytest.mark.parametrize("name", NAMES)
def test_weights_after_two_epochs(golden, name):
    assert weights(name) == golden[name]


def test_every_training_has_weights_of_its_own(golden):
    assert len(set(golden.values())) == len(golden)
