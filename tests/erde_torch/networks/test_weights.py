import dataclasses
import json
import os

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from erde_core.store.files import StoreError
from erde_torch.networks.weights import (
    _first_seal,
    network_hash,
    read_network,
    seal,
    write_network,
)
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


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"format": "erde network 3"}])
def test_foreign_or_newer_file(tmp_path, metadata):
    save_file({"weight": torch.zeros(2)}, tmp_path / "model.safetensors", metadata)
    refused(tmp_path / "model.safetensors", "must be an 'erde network 2', got ")


def test_failure_to_write_leaves_nothing(tmp_path, make_network, card):
    broken = dataclasses.replace(card, network={"name": object()})
    with pytest.raises(TypeError):
        write_network(tmp_path / "weights.safetensors", make_network(), broken)
    assert not list(tmp_path.iterdir())


def test_the_umask_gives_the_mode(written):
    umask = os.umask(0)
    os.umask(umask)
    assert written[0].stat().st_mode & 0o777 == 0o666 & ~umask


def rewritten(path, change, seal=seal):
    """Change metadata and tensors of a network's file, and seal it anew."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change(metadata, tensors)
    del metadata["seal"]
    save_file(tensors, path, metadata | {"seal": seal(metadata, tensors)})


def card_with(**changes):
    def change(metadata, tensors):
        metadata["card"] = json.dumps(json.loads(metadata["card"]) | changes)

    return change


def changed_tensors(change, name="stem.0.weight"):
    def apply(metadata, tensors):
        tensors[name] = change(tensors[name])

    return apply


LIES = {
    "a class more": (card_with(class_names=[*"abcdefghijk"]), r"heads.0.*must be .*\(11,\)"),
    "another size": (card_with(image_shape=[3, 32, 32]), "heads.0.* must be .* in the network on"),
    "one channel": (card_with(image_shape=[1, 16, 16]), "mean must be 1 finite numbers"),
    "not a shape": (card_with(image_shape=[3, 16]), "image_shape must be three whole numbers"),
    "a size beyond memory": (card_with(image_shape=[3, 10**9, 10**9]), "its card describes no net"),
    "too small": (card_with(image_shape=[3, 2, 2]), "must leave at least 2×2 pixels"),
    "deeper": (card_with(network={"name": "resnet18", "width": 1 / 16}), "stages.* must be torch"),
    "no such network": (card_with(network={"name": "vgg"}), "name must be one of"),
    "no settings": (card_with(network=3), "network must be a mapping of settings, got 3"),
    "no deviation": (card_with(std=[0.1, 0.0, 0.1]), "std must be > 0"),
    "no number": (card_with(mean=[0.1, float("nan"), 0.1]), "mean must be 3 finite numbers"),
    "an unknown field": (card_with(more=1), "not a readable network card"),
    "no card": (lambda m, t: m.pop("card"), "not a readable network card"),
    "no object": (lambda m, t: m.update(card="[" * 9999), "not a readable network card"),
    "another dtype": (changed_tensors(Tensor.double), "stem.0.weight must be torch.float32"),
    "another shape": (changed_tensors(lambda t: t[:1]), "stem.0.weight must be torch.float32 of"),
    "a tensor more": (lambda m, t: t.update(more=torch.zeros(1)), "more must be absent"),
    "a tensor less": (lambda m, t: t.pop("stem.0.weight"), "stem.0.weight must be .* got absent"),
}


@pytest.mark.parametrize("seal", [seal, _first_seal])
@pytest.mark.parametrize("case", LIES)
def test_a_sealed_card_that_does_not_fit_its_tensors_is_refused(written, case, seal):
    change, rule = LIES[case]
    old = {"format": "erde network 1"} if seal is _first_seal else {}
    rewritten(written[0], lambda m, t: (m.update(old), change(m, t)), seal)
    refused(written[0], rule)


def test_dtype_and_shape_are_under_the_seal(written):
    """The bytes of a tensor say neither, and both kinds below leave them as they are."""
    _, network = written
    for change in (lambda t: t.reshape(-1), lambda t: t.view(torch.int32)):
        metadata = {}
        tensors = {"a": network.stem[0].weight.detach()}
        assert seal(metadata, tensors) != seal(metadata, {"a": change(tensors["a"])})


def test_weights_of_the_first_format_are_still_read(written):
    path, network = written
    rewritten(path, lambda m, t: m.update(format="erde network 1"), _first_seal)
    assert network_hash(read_network(path)[0]) == network_hash(network)
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)
    refused(path, "content must have SHA-256 .* the file is damaged")


def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "weights.safetensors")
    refused(tmp_path / "weights.safetensors", "it is no regular file")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"dataset": "e" * 64}, "must have been trained on data set .*, got eeeeeeeeeeee"),
        ({"image_shape": (3, 32, 32)}, r"have the image_shape of its data set, \(3, 16, 16\)"),
        ({"class_names": tuple("abcdefghij")}, "have the class_names of its data set"),
        ({"mean": (0.1, 0.1, 0.1)}, "have the mean of its data set"),
        ({"std": (0.1, 0.1, 0.1)}, "have the std of its data set"),
    ],
)
def test_a_card_that_lies_about_its_data_set(card, tiny_dataset, tiny_hash, changes, rule):
    card.check_data(tiny_dataset, tiny_hash)
    with pytest.raises(ValueError, match=rule):
        dataclasses.replace(card, **changes).check_data(tiny_dataset, tiny_hash)
