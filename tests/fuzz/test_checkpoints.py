"""Damaged checkpoints: what was saved is resumed, or it is set aside with a word why."""

from collections import Counter

import torch

from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.weights import seal
from erde_torch.training.checkpoint import Checkpoint, TrainingState
from erde_torch.training.identity import Identity
from erde_torch.training.optimisation.optimiser import make_optimiser
from erde_torch.training.settings import TrainSettings
from erde_torch.training.shelf import Position
from tests.fuzz.changes.damage import no_hang, plain
from tests.fuzz.changes.safetensors import (
    Damaged,
    changed_json,
    gone,
    other_metadata,
    renamed,
    reshaped,
    retyped,
)
from tests.hosts import own_host

CASES, SEED = 300, 24
END = (5, 10)
IDENTITY = Identity.of({"train": {"epochs": 5}, "seed": 0})
POSITION = Position(1, 3, 0.5, [{"epoch": 1, "train_loss": 0.25}], 1.5)


def state_after(steps):
    torch.manual_seed(0)
    network = build_network(NetworkSettings(name="resnet10", width=1 / 64), 10, (3, 16, 16))
    state = TrainingState(network, make_optimiser(network, TrainSettings(epochs=5)), 0.9)
    for _ in range(steps):
        network(torch.ones(4, 3, 16, 16)).square().mean().backward()
        state.optimiser.step()
        state.average()
    return state


def campaign(folder, cases, seed):
    counts, said = Counter(), []
    host = own_host(folder, seconds=0, say=said.append)
    checkpoint = Checkpoint(host, IDENTITY)
    checkpoint.save(state_after(2), POSITION)
    saved, fresh = plain(state_after(2).tensors()), plain(state_after(0).tensors())
    damaged, state = Damaged(checkpoint.path, seed), state_after(0)
    start = {name: tensor.clone() for name, tensor in state.tensors().items()}
    for case in range(cases):
        where = f"seed {seed}, case {case}"
        lie = case % 3 == 0
        if lie:
            kinds = (changed_json, gone, other_metadata, renamed, reshaped, retyped)
            damaged.part(damaged.draw.choice(kinds), seal)
        else:
            damaged.anyhow()
        before = checkpoint.path.read_bytes()
        state.restore(start)
        state.optimiser.state.clear()
        said.clear()
        with no_hang():
            position = checkpoint.resume(state, *END)
        found = plain(state.tensors())
        if said:
            assert all("\n" not in sentence for sentence in said), where
            assert (position, found) == (Position(), fresh), where
            assert any(path.read_bytes() == before for path in folder.glob("aside-*")), where
        elif lie:  # what could be, under a right seal, is what it says
            assert found.keys() >= fresh.keys(), where
        else:
            assert (position, found) == (POSITION, saved), where
        counts["set aside" if said else "resumed"] += 1
        for path in folder.glob("aside-*"):  # else one that waits for these settings comes back
            path.unlink()
    return counts


def test_no_damage_goes_unnoticed(tmp_path):
    counts = campaign(tmp_path, CASES, SEED)
    assert counts["set aside"] > CASES / 2
