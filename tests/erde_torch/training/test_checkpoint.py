import dataclasses
import shutil
import time

import pytest
import torch
from safetensors import safe_open

from erde_torch.training.checkpoint import Checkpoint, CheckpointError, Position, TrainingState
from erde_torch.training.optimiser import make_optimiser
from tests.hosts import own_host

HISTORY = [{"epoch": 1, "learning_rate": 0.1, "train_loss": 1 / 3}]
POSITION = Position(epoch=1, step=3, loss_sum=2 / 3, history=HISTORY, seconds=1.5)


@pytest.fixture
def make_state(make_network, short_training):
    """A training state after ``steps`` steps on random images."""

    def make(steps=0, seed=0, ema_decay=0.9):
        network = make_network(seed).train().to(memory_format=torch.channels_last)
        state = TrainingState(network, make_optimiser(network, short_training()), ema_decay)
        for _ in range(steps):
            state.optimiser.zero_grad()
            network(torch.randn(4, 3, 16, 16)).square().mean().backward()
            state.optimiser.step()
            state.average()
        return state

    return make


def copied(state):
    return {name: tensor.clone() for name, tensor in state.tensors().items()}


def same(tensors, others):
    return tensors.keys() == others.keys() and all(
        torch.equal(tensors[n], others[n]) for n in others
    )


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_everything_comes_back(tmp_path, make_state, ema_decay):
    state = make_state(steps=3, ema_decay=ema_decay)
    Checkpoint(own_host(tmp_path / "new", seconds=0), "identity").save(state, POSITION)
    resumed = make_state(seed=1, ema_decay=ema_decay)
    assert Checkpoint(own_host(tmp_path / "new", seconds=0), "identity").resume(resumed) == POSITION
    assert same(resumed.tensors(), state.tensors())
    for parameter, other in zip(
        resumed.network.parameters(), state.network.parameters(), strict=True
    ):
        momentum = resumed.optimiser.state[parameter]["momentum_buffer"]
        assert torch.equal(momentum, state.optimiser.state[other]["momentum_buffer"])
        assert momentum.stride() == parameter.stride() == other.stride()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["checkpoint.safetensors"]


def test_before_the_first_step_there_is_no_momentum(tmp_path, make_state):
    Checkpoint(own_host(tmp_path, seconds=0), "identity").save(make_state(), Position())
    resumed = make_state(seed=1)
    assert Checkpoint(own_host(tmp_path, seconds=0), "identity").resume(resumed) == Position()
    assert same(resumed.tensors(), make_state().tensors())


def ignored(folder, make_state, identity="identity"):
    state = make_state(seed=1)
    before = copied(state)
    return (
        Checkpoint(own_host(folder, seconds=0), identity).resume(state) == Position()
        and same(state.tensors(), before)
        and not state.optimiser.state
    )


def test_nothing_saved_is_the_start(tmp_path, make_state):
    assert ignored(tmp_path / "absent", make_state)


def test_checkpoint_of_another_identity_is_ignored(tmp_path, make_state):
    Checkpoint(own_host(tmp_path, seconds=0), "identity").save(make_state(steps=1), POSITION)
    assert ignored(tmp_path, make_state, "another")
    assert not ignored(tmp_path, make_state)


def test_damaged_checkpoint_is_ignored(tmp_path, make_state):
    checkpoint = Checkpoint(own_host(tmp_path, seconds=0), "identity")
    checkpoint.save(make_state(steps=1), POSITION)
    whole = checkpoint.path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    with safe_open(checkpoint.path, "pt") as file:
        metadata = file.metadata()
    history = whole.index(b"train_loss")
    places = [0, 9, history, history + 20, whole.index(metadata["seal"].encode())]
    for place in [*places, *range(header, len(whole), len(whole) // 7), len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[place] ^= 1
        checkpoint.path.write_bytes(damaged)
        assert ignored(tmp_path, make_state), f"byte {place}"
    for length in (0, 8, header, len(whole) - 1):
        checkpoint.path.write_bytes(whole[:length])
        assert ignored(tmp_path, make_state), f"length {length}"
    checkpoint.path.write_bytes(b"not a checkpoint at all")
    assert ignored(tmp_path, make_state)


def test_full_disk_leaves_the_last_checkpoint(small_disk, tmp_path, make_state):
    state = make_state(steps=1)
    Checkpoint(own_host(tmp_path, seconds=0), "identity").save(state, POSITION)
    size = (tmp_path / "checkpoint.safetensors").stat().st_size
    folder = small_disk(size=size * 3 // 2)
    checkpoint = Checkpoint(own_host(folder, seconds=0), "identity")
    checkpoint.save(state, POSITION)
    before = checkpoint.path.read_bytes()
    with pytest.raises(CheckpointError, match=r"cannot write the checkpoint: .*No space") as caught:
        checkpoint.save(make_state(steps=2), dataclasses.replace(POSITION, step=4))
    assert str(checkpoint.path) in str(caught.value)
    assert checkpoint.path.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["checkpoint.safetensors"]


def test_read_only_folder_is_one_error(small_disk, make_state):
    checkpoint = Checkpoint(own_host(small_disk(ro=True), seconds=0), "identity")
    with pytest.raises(CheckpointError, match=r"cannot write the checkpoint: .*Read-only"):
        checkpoint.save(make_state(), POSITION)


def test_a_file_in_place_of_the_folder_is_one_error(tmp_path, make_state):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot write the checkpoint"):
        Checkpoint(own_host(tmp_path / "file", seconds=0), "identity").save(make_state(), POSITION)


def test_due_when_the_last_one_is_old(tmp_path, make_state, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    checkpoint = Checkpoint(own_host(tmp_path, seconds=60), "identity")
    assert not checkpoint.is_due()
    now = 1061.0
    assert checkpoint.is_due()
    checkpoint.save(make_state(), POSITION)
    assert not checkpoint.is_due()


def test_saving_again_replaces(tmp_path, make_state):
    checkpoint = Checkpoint(own_host(tmp_path, seconds=0), "identity")
    checkpoint.save(make_state(steps=1), POSITION)
    shutil.copy(checkpoint.path, tmp_path / "first")
    later = dataclasses.replace(POSITION, step=4)
    state = make_state(steps=2)
    checkpoint.save(state, later)
    resumed = make_state()
    assert checkpoint.resume(resumed) == later
    assert same(resumed.tensors(), state.tensors())


def test_average_by_hand(make_state):
    """The first weights, then 0.9 of the average and 0.1 of the new weights."""
    state = make_state(ema_decay=0.9)
    weights, buffers = [], []
    for value in (1.0, 2.0, 4.0):
        with torch.no_grad():
            state.network.heads[3][-1].bias.fill_(value)
            state.network.stem[1].running_mean.fill_(10 * value)
        state.average()
        weights.append(state.averaged.heads[3][-1].bias[0].item())
        buffers.append(state.averaged.stem[1].running_mean[0].item())
    assert weights == pytest.approx([1.0, 1.1, 0.9 * 1.1 + 0.4])
    assert buffers == pytest.approx([10.0, 11.0, 9 * 1.1 + 4])


def test_without_an_average_the_network_is_used(make_state):
    state = make_state(ema_decay=0.0)
    assert state.averaged is state.network
    assert not any(name.startswith("ema.") for name in state.tensors())
