"""Put together from files, a cascade has the weights of its members and a card of its own."""

import hashlib
from dataclasses import replace

import pytest
import torch

from erde_torch.networks.build import build_network
from erde_torch.networks.cascades.assemble import assemble
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.weights import NetworkCard, network_hash, read_network, write_network

SHAPE, NAMES = (3, 16, 16), ("a", "b", "c")


def written(folder, width, **changes):
    settings = NetworkSettings(name="resnet10", width=width, exits=()).resolved(SHAPE)
    network = build_network(settings, len(NAMES), SHAPE)
    card = NetworkCard(
        settings.described(), SHAPE, NAMES, (0.5,) * 3, (0.2,) * 3, "0" * 64, "float32"
    )
    path = folder / f"{width}.safetensors"
    write_network(path, network, replace(card, **changes))
    return path


def test_it_is_its_members_and_can_be_read_again(tmp_path):
    paths = [written(tmp_path, width) for width in (1 / 32, 1 / 16)]
    cascade, card = assemble(paths, average=True)
    write_network(tmp_path / "cascade.safetensors", cascade, card)
    again, read = read_network(tmp_path / "cascade.safetensors")
    assert read == card
    assert again.average
    assert network_hash(again) == network_hash(cascade)
    images = torch.randn(3, *SHAPE)
    with torch.no_grad():
        assert torch.equal(again(images), cascade(images))
        for path, member in zip(paths, again.in_order(), strict=True):
            assert torch.equal(member(images), read_network(path)[0](images))


@pytest.mark.parametrize(
    ("key", "first", "second", "told"),
    [
        ("threads", 1, 8, None),
        ("threads", None, 8, None),
        ("threads", 8, 8, 8),
        ("precision", "float32", "bf16", "mixed"),
        ("precision", "bf16", "bf16", "bf16"),
    ],
)
def test_members_may_have_been_trained_on_other_machines(tmp_path, key, first, second, told):
    paths = [written(tmp_path, 1 / 32, **{key: first}), written(tmp_path, 1 / 16, **{key: second})]
    cascade, card = assemble(paths, average=False)
    assert getattr(card, key) == told
    write_network(tmp_path / "cascade.safetensors", cascade, card)
    assert read_network(tmp_path / "cascade.safetensors")[1] == card


@pytest.mark.parametrize(
    "changes", [{"dataset": "1" * 64}, {"class_names": ("a", "b", "d")}, {"std": (0.3,) * 3}]
)
def test_members_that_see_other_images_are_refused(tmp_path, changes):
    paths = [written(tmp_path, 1 / 32), written(tmp_path, 1 / 16, **changes)]
    with pytest.raises(ValueError, match=r"must see the same .* in .*0.0625.safetensors than in"):
        assemble(paths, average=False)


def test_averaging_or_not_the_same_weights_are_two_networks(tmp_path):
    """Neither takes the other's exit logits; one that does not average has the hash it had."""
    paths = [written(tmp_path, width) for width in (1 / 32, 1 / 16)]
    hashes = {average: network_hash(assemble(paths, average)[0]) for average in (False, True)}
    assert hashes[False] != hashes[True]
    digest = hashlib.sha256()
    for name, tensor in sorted(assemble(paths, True)[0].state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    assert hashes[False] == digest.hexdigest()
