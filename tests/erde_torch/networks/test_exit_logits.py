import dataclasses

import numpy as np
import pytest
import torch

from erde_torch.networks.exit_logits import check_made_by, collect_exit_logits
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.weights import network_hash
from erde_torch.training.data import network_card

CPU = torch.device("cpu")


@pytest.fixture
def card(tiny_dataset, tiny_hash, small_network):
    return network_card(tiny_dataset, tiny_hash, small_network, "bf16")


def plain(dataset, split):
    normalised = (split.images / 255 - np.array(dataset.mean)) / np.array(dataset.std)
    return torch.from_numpy(normalised.astype(np.float32)).permute(0, 3, 1, 2)


def test_logits_of_both_splits_in_float32(make_network, card, tiny_dataset, tiny_hash):
    """Whatever precision the network was trained in."""
    network = make_network()
    exits = collect_exit_logits(network.train(), card, tiny_dataset, tiny_hash, CPU)
    for name in ("val", "test"):
        source, split = getattr(tiny_dataset, name), getattr(exits, name)
        with torch.no_grad():
            wanted = network.eval()(plain(tiny_dataset, source)).numpy()
        np.testing.assert_allclose(split.logits, wanted, rtol=1e-4, atol=1e-5)
        assert split.logits.dtype == np.float32
        np.testing.assert_array_equal(split.labels, source.labels)
        np.testing.assert_array_equal(split.group, source.group)


def test_costs_and_identities(make_network, card, tiny_dataset, tiny_hash):
    network = make_network()
    exits = collect_exit_logits(network, card, tiny_dataset, tiny_hash, CPU)
    np.testing.assert_array_equal(exits.macs, exit_macs(network, (3, 16, 16)))
    assert exits.dataset == tiny_hash
    assert exits.network == network_hash(network)
    assert (exits.precision, exits.trained) == ("float32", "bf16")


def test_normalisation_is_that_of_the_training(make_network, card, tiny_dataset, tiny_hash):
    zero = {"mean": (0.0, 0.0, 0.0)}
    other = dataclasses.replace(card, **zero), dataclasses.replace(tiny_dataset, **zero)
    first, second = (
        collect_exit_logits(make_network(), *trained, tiny_hash, CPU).val.logits
        for trained in ((card, tiny_dataset), other)
    )
    assert np.abs(first - second).max() > 0.01


def test_network_of_another_data_set_is_refused(make_network, card, tiny_dataset):
    rule = f"trained on data set {'f' * 12}, got {card.dataset[:12]}"
    with pytest.raises(ValueError, match=rule):
        collect_exit_logits(make_network(), card, tiny_dataset, "f" * 64, CPU)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"network": "e" * 64}, "must be of weights .*, got eeeeeeeeeeee"),
        ({"macs": np.arange(4)}, r"must have their network's MACs .*, got \[0, 1, 2, 3\]"),
    ],
)
def test_exit_logits_of_another_network(make_network, tiny_dataset, tiny_hash, card, changes, rule):
    network = make_network()
    exits = collect_exit_logits(network, card, tiny_dataset, tiny_hash, torch.device("cpu"))
    check_made_by(exits, network, card)
    with pytest.raises(ValueError, match=rule):
        check_made_by(dataclasses.replace(exits, **changes), network, card)
