import dataclasses

import pytest
import torch
from safetensors.torch import save_file

from erde_core.store.files import StoreError
from erde_torch.networks.weights import network_hash, read_network, write_network
from erde_torch.training.data import network_card


@pytest.fixture
def card(tiny_dataset, tiny_hash, small_network):
    return network_card(tiny_dataset, tiny_hash, small_network, "float32")


@pytest.fixture
def written(tmp_path, make_network, card):
    network = make_network()
    with torch.no_grad():
        network.stem[1].running_mean.add_(0.5)  # buffers are part of it
    write_network(tmp_path / "weights.safetensors", network, card)
    return tmp_path / "weights.safetensors", network


def test_round_trip(written, card):
    path, network = written
    found, found_card = read_network(path)
    assert found_card == card
    assert not found.training
    state = network.state_dict()
    assert list(found.state_dict()) == list(state)
    assert all(torch.equal(tensor, state[name]) for name, tensor in found.state_dict().items())
    assert network_hash(found) == network_hash(network)


def test_card_describes_data_set_and_network(card, tiny_dataset, tiny_hash):
    assert card.image_shape == (3, 16, 16)
    assert card.class_names == tiny_dataset.class_names
    assert (card.mean, card.std, card.dataset) == (tiny_dataset.mean, tiny_dataset.std, tiny_hash)
    assert card.network["name"] == "resnet10"


def test_channels_last_is_the_same_network(written, card, tmp_path):
    path, network = written
    wanted = network_hash(network)
    network = network.to(memory_format=torch.channels_last)
    write_network(tmp_path / "other.safetensors", network, card)
    assert network_hash(network) == network_hash(read_network(path)[0]) == wanted
    assert network_hash(read_network(tmp_path / "other.safetensors")[0]) == wanted


def test_hash_sees_every_tensor(make_network):
    network = make_network()
    hashes = {network_hash(network)}
    for tensor in network.state_dict().values():
        tensor.add_(1)
        hashes.add(network_hash(network))
    assert len(hashes) == 1 + len(network.state_dict())


def refused(path, rule):
    with pytest.raises(StoreError, match=rule) as caught:
        read_network(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_any_flipped_byte_is_refused_or_means_nothing(written):
    path, network = written
    whole, wanted, refusals = path.read_bytes(), network_hash(network), 0
    card = read_network(path)[1]
    header = 8 + int.from_bytes(whole[:8], "little")
    for place in [*range(0, header, 67), *range(header, len(whole), 4999)]:
        damaged = bytearray(whole)
        damaged[place] ^= 0x21
        path.write_bytes(damaged)
        try:
            found, found_card = read_network(path)
        except StoreError:
            refusals += 1
        else:
            assert (network_hash(found), found_card) == (wanted, card), f"byte {place}"
    assert refusals > 100


def test_truncated_file(written):
    path, _ = written
    whole = path.read_bytes()
    for length in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, "not a readable erde network")


def test_missing_file(tmp_path):
    refused(tmp_path / "weights.safetensors", "no such file")


def test_folder_in_place_of_the_file(tmp_path):
    refused(tmp_path, "not a readable erde network")


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"format": "erde network 2"}])
def test_foreign_or_newer_file(tmp_path, metadata):
    save_file({"weight": torch.zeros(2)}, tmp_path / "model.safetensors", metadata)
    refused(tmp_path / "model.safetensors", "must be an 'erde network 1', got ")


def test_failure_to_write_leaves_nothing(tmp_path, make_network, card):
    broken = dataclasses.replace(card, network={"name": object()})
    with pytest.raises(TypeError):
        write_network(tmp_path / "weights.safetensors", make_network(), broken)
    assert not list(tmp_path.iterdir())
