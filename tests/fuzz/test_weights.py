"""Damaged files of trained networks."""

from collections import Counter

import torch

from erde_core.store.files import StoreError
from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.weights import read_network, seal, write_network
from erde_torch.training.data import network_card
from tests.fuzz.changes.damage import outcome
from tests.fuzz.changes.safetensors import Damaged, changed_json, gone, renamed, reshaped
from tests.images import pattern_dataset

CASES, SEED = 400, 23
# Under a right seal these break what card and tensors promise each other.
LIES = (gone, renamed)


def written(path):
    settings = NetworkSettings(name="resnet10", width=1 / 64)
    torch.manual_seed(0)
    network = build_network(settings, 10, (3, 16, 16)).eval()
    card = network_card(pattern_dataset(), "d" * 64, settings, "float32")
    write_network(path, network, card)


def read(path):
    network, card = read_network(path)
    return network.state_dict(), card


def campaign(folder, cases, seed):
    path, counts = folder / "weights.safetensors", Counter()
    written(path)
    damaged = Damaged(path, seed)
    result, wanted = content(path)
    assert result == "read"
    for case in range(cases):
        where = f"seed {seed}, case {case}"
        if case % 4:
            damaged.anyhow()
            result, found = content(path)
            assert found in (None, wanted), f"{where}: read, and not what was written"
        elif case % 8:
            damaged.part(damaged.draw.choice(LIES), seal)
            result, found = content(path)
            assert result == "refused", where
        else:  # some of these say what could be: then that must be what is read
            change = damaged.draw.choice((changed_json, reshaped))
            _, tensors = damaged.part(change, seal)
            result, found = content(path)
            if result == "read":
                assert {n: t[1] for n, t in found[0].items()} == {
                    n: tuple(t.shape) for n, t in tensors.items()
                }, where
        counts[result] += 1
    return counts


def content(path):
    result, found = outcome(lambda p: dict(enumerate(read(p))), path, StoreError)
    return result, found


def test_no_damage_goes_unnoticed(tmp_path):
    counts = campaign(tmp_path, CASES, SEED)
    assert counts["refused"] > CASES / 2
