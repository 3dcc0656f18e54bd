import dataclasses
import json
import os
import re
import shutil
import time

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from erde_torch.networks.weights import seal
from erde_torch.training.checkpoint import Checkpoint, CheckpointError
from erde_torch.training.identity import Identity
from erde_torch.training.optimisation.optimiser import MEMORY
from erde_torch.training.shelf import Position, UnusableError
from tests.hosts import own_host

IDENTITY = Identity.of({"train": {"epochs": 5}, "threads": 1})
OTHER = Identity.of({"train": {"epochs": 9}, "threads": 1})
END = (5, 10)  # epochs, steps in each
HISTORY = [{"epoch": 1, "learning_rate": 0.1, "train_loss": 1 / 3}]
POSITION = Position(epoch=1, step=3, loss_sum=2 / 3, history=HISTORY, seconds=1.5)


def copied(state):
    return {name: tensor.clone() for name, tensor in state.tensors().items()}


def same(tensors, others):
    return tensors.keys() == others.keys() and all(
        torch.equal(tensors[n], others[n]) for n in others
    )


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_everything_comes_back(tmp_path, make_state, ema_decay):
    state = make_state(steps=3, ema_decay=ema_decay)
    Checkpoint(own_host(tmp_path / "new", seconds=0), IDENTITY).save(state, POSITION)
    resumed = make_state(seed=1, ema_decay=ema_decay)
    again = Checkpoint(own_host(tmp_path / "new", seconds=0), IDENTITY)
    assert again.resume(resumed, *END) == POSITION
    assert same(resumed.tensors(), state.tensors())
    for parameter, other in zip(
        resumed.network.parameters(), state.network.parameters(), strict=True
    ):
        momentum = resumed.optimiser.state[parameter]["momentum_buffer"]
        assert torch.equal(momentum, state.optimiser.state[other]["momentum_buffer"])
        assert momentum.stride() == parameter.stride() == other.stride()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["checkpoint.safetensors"]


def test_adamw_goes_on_as_if_nothing_was(tmp_path, make_state):
    """Its two means and its count of steps come back: the next step is the same to the bit."""
    changes = {"optimiser": "adamw", "learning_rate": 0.01}
    state = make_state(steps=3, **changes)
    Checkpoint(own_host(tmp_path, seconds=0), IDENTITY).save(state, POSITION)
    resumed = make_state(seed=1, **changes)
    Checkpoint(own_host(tmp_path, seconds=0), IDENTITY).resume(resumed, *END)
    for one in (state, resumed):
        for parameter in one.network.parameters():
            parameter.grad = torch.ones_like(parameter)
        one.optimiser.step()
    assert same(resumed.tensors(), state.tensors())
    assert {n.split(".")[0] for n in state.tensors()} == {
        "network",
        "ema",
        *MEMORY[torch.optim.AdamW],
    }


def test_a_part_of_what_adamw_remembers_is_not_enough(tmp_path, make_state):
    changes = {"optimiser": "adamw", "learning_rate": 0.01}
    state = make_state(steps=1, **changes)
    tensors = {n: t for n, t in copied(state).items() if n != "square.stem.0.weight"}
    with pytest.raises(UnusableError, match=r"square.stem.0.weight must be .* got absent"):
        make_state(**changes).check(tensors)


def test_before_the_first_step_there_is_no_momentum(tmp_path, make_state):
    Checkpoint(own_host(tmp_path, seconds=0), IDENTITY).save(make_state(), Position())
    resumed = make_state(seed=1)
    assert Checkpoint(own_host(tmp_path, seconds=0), IDENTITY).resume(resumed, *END) == Position()
    assert same(resumed.tensors(), make_state().tensors())


def resumed(folder, make_state, identity=IDENTITY, say=lambda text: None):
    """The position that a fresh training gets, and the state it is then in."""
    state = make_state(seed=1)
    checkpoint = Checkpoint(own_host(folder, seconds=0, say=say), identity)
    return checkpoint.resume(state, *END), state


def ignored(folder, make_state, identity=IDENTITY, say=lambda text: None):
    position, state = resumed(folder, make_state, identity, say)
    fresh = make_state(seed=1)
    return (
        position == Position()
        and same(state.tensors(), fresh.tensors())
        and not state.optimiser.state
    )


def test_nothing_saved_is_the_start_and_nothing_to_tell(tmp_path, make_state):
    said = []
    assert ignored(tmp_path / "absent", make_state, say=said.append)
    assert said == []


def test_checkpoint_of_other_settings_waits_until_they_return(tmp_path, make_state):
    saved, said = make_state(steps=1), []
    Checkpoint(own_host(tmp_path, seconds=0), IDENTITY).save(saved, POSITION)
    assert ignored(tmp_path, make_state, OTHER, said.append)
    name = f"aside-{IDENTITY.hash[:12]}.safetensors"
    assert said == [
        "the checkpoint is of another training (train.epochs: 5 → 9): "
        f"it waits as {name} until these settings return"
    ]
    Checkpoint(own_host(tmp_path, seconds=0), OTHER).save(make_state(steps=2), POSITION)
    said.clear()
    position, state = resumed(tmp_path, make_state, say=said.append)
    assert position == POSITION
    assert same(state.tensors(), saved.tensors())
    assert said[-1] == f"the checkpoint of these settings is taken back from {name}"
    assert not ignored(tmp_path, make_state, OTHER)


def test_a_change_of_threads_is_named(tmp_path, make_state):
    Checkpoint(own_host(tmp_path, seconds=0), IDENTITY).save(make_state(steps=1), POSITION)
    said, more = [], Identity.of(IDENTITY.parts() | {"threads": 4})
    assert ignored(tmp_path, make_state, more, said.append)
    assert "(threads: 1 → 4)" in said[0]


def test_few_wait_and_the_oldest_is_removed_by_name(tmp_path, make_state):
    identities = [Identity.of({"seed": seed}) for seed in range(4)]
    said = []
    for count, identity in enumerate(identities):
        resumed(tmp_path, make_state, identity, said.append)
        Checkpoint(own_host(tmp_path, seconds=0), identity).save(make_state(), Position())
        assert len(list(tmp_path.glob("*.safetensors"))) == min(count + 1, 3)
    oldest = f"aside-{identities[0].hash[:12]}.safetensors"
    assert said[-1] == f"{oldest}, an older checkpoint, is removed (2 are kept)"
    assert not (tmp_path / oldest).exists()


def test_a_return_among_many_is_not_removed_first(tmp_path, make_state):
    identities = [Identity.of({"seed": seed}) for seed in range(3)]
    for identity in identities:
        resumed(tmp_path, make_state, identity)
        Checkpoint(own_host(tmp_path, seconds=0), identity).save(make_state(steps=1), POSITION)
    assert not ignored(tmp_path, make_state, identities[0])


def test_damaged_checkpoint_is_set_aside_and_told(tmp_path, make_state):
    checkpoint = Checkpoint(own_host(tmp_path, seconds=0), IDENTITY)
    checkpoint.save(make_state(steps=1), POSITION)
    whole = checkpoint.path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    with safe_open(checkpoint.path, "pt") as file:
        metadata = file.metadata()
    history = whole.index(b"train_loss")
    places = [0, 9, history, history + 20, whole.index(metadata["seal"].encode())]

    def set_aside(damaged):
        said = []
        checkpoint.path.write_bytes(damaged)
        assert ignored(tmp_path, make_state, say=said.append)
        assert said[0].startswith("the checkpoint "), said
        (name,) = re.findall("it waits as (aside-.*)", said[0])
        assert (tmp_path / name).read_bytes() == damaged
        assert not checkpoint.path.exists()

    for place in [*places, *range(header, len(whole), len(whole) // 7), len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[place] ^= 1
        set_aside(bytes(damaged))
    for length in (0, 8, header, len(whole) - 1):
        set_aside(whole[:length])
    set_aside(b"not a checkpoint at all")


def test_a_checkpoint_of_an_older_version_is_told_apart(tmp_path, make_state):
    """It held the hash of what it depended on, and nothing of what that was."""
    old = {"identity": "a" * 64, "position": "{}", "seal": "b" * 64}
    save_file({"network.x": torch.zeros(2)}, tmp_path / "checkpoint.safetensors", old)
    said = []
    assert ignored(tmp_path, make_state, say=said.append)
    assert "does not say what it depends on, as of an older version: it waits as" in said[0]


def lie(path, change):
    """Change metadata or tensors of a checkpoint, and seal it anew."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change(metadata, tensors)
    del metadata["seal"]
    save_file(tensors, path, metadata | {"seal": seal(metadata, tensors)})


def position(**changes):
    def change(metadata, tensors):
        metadata["position"] = json.dumps(vars(POSITION) | changes)

    return change


LIES = {
    "beyond the end": position(epoch=6, history=HISTORY * 6),
    "beyond the epoch": position(step=11),
    "history of another length": position(history=[]),
    "no number": position(loss_sum=None),
    "not finite": position(loss_sum=float("nan")),
    "unknown field": position(more=1),
    "no position": lambda m, t: m.pop("position"),
    "a tensor is missing": lambda m, t: t.pop("network.stem.0.weight"),
    "a tensor too many": lambda m, t: t.update(more=torch.zeros(2)),
    "another dtype": lambda m, t: t.update({k: v.double() for k, v in t.items() if "ema" in k}),
    "another shape": lambda m, t: t.update({"momentum.stem.0.weight": torch.zeros(3)}),
}


@pytest.mark.parametrize("case", LIES)
def test_a_sealed_checkpoint_that_no_training_saves_is_set_aside(tmp_path, make_state, case):
    path = tmp_path / "checkpoint.safetensors"
    Checkpoint(own_host(tmp_path, seconds=0), IDENTITY).save(make_state(steps=1), POSITION)
    lie(path, LIES[case])
    said = []
    assert ignored(tmp_path, make_state, say=said.append)
    assert said[0].startswith("the checkpoint is damaged ("), said


def test_a_read_only_folder_with_another_checkpoint_is_one_error(tmp_path, make_state, monkeypatch):
    Checkpoint(own_host(tmp_path, seconds=0), IDENTITY).save(make_state(steps=1), POSITION)

    def refuse(source, target):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(CheckpointError, match=r"cannot set the old checkpoint aside: .*Read-only"):
        resumed(tmp_path, make_state, OTHER)


def test_the_umask_gives_the_mode(tmp_path, make_state):
    Checkpoint(own_host(tmp_path, seconds=0), IDENTITY).save(make_state(), Position())
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "checkpoint.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


def test_full_disk_leaves_the_last_checkpoint(small_disk, tmp_path, make_state):
    state = make_state(steps=1)
    Checkpoint(own_host(tmp_path, seconds=0), IDENTITY).save(state, POSITION)
    size = (tmp_path / "checkpoint.safetensors").stat().st_size
    folder = small_disk(size=size * 3 // 2)
    checkpoint = Checkpoint(own_host(folder, seconds=0), IDENTITY)
    checkpoint.save(state, POSITION)
    before = checkpoint.path.read_bytes()
    with pytest.raises(CheckpointError, match=r"cannot write the checkpoint: .*No space") as caught:
        checkpoint.save(make_state(steps=2), dataclasses.replace(POSITION, step=4))
    assert str(checkpoint.path) in str(caught.value)
    assert checkpoint.path.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["checkpoint.safetensors"]


def test_read_only_folder_is_one_error(small_disk, make_state):
    checkpoint = Checkpoint(own_host(small_disk(ro=True), seconds=0), IDENTITY)
    with pytest.raises(CheckpointError, match=r"cannot write the checkpoint: .*Read-only"):
        checkpoint.save(make_state(), POSITION)


def test_a_file_in_place_of_the_folder_is_one_error(tmp_path, make_state):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot write the checkpoint"):
        Checkpoint(own_host(tmp_path / "file", seconds=0), IDENTITY).save(make_state(), POSITION)


def test_due_when_the_last_one_is_old(tmp_path, make_state, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    checkpoint = Checkpoint(own_host(tmp_path, seconds=60), IDENTITY)
    assert not checkpoint.is_due()
    now = 1061.0
    assert checkpoint.is_due()
    checkpoint.save(make_state(), POSITION)
    assert not checkpoint.is_due()


def test_saving_again_replaces(tmp_path, make_state):
    checkpoint = Checkpoint(own_host(tmp_path, seconds=0), IDENTITY)
    checkpoint.save(make_state(steps=1), POSITION)
    shutil.copy(checkpoint.path, tmp_path / "first")
    later = dataclasses.replace(POSITION, step=4)
    state = make_state(steps=2)
    checkpoint.save(state, later)
    resumed = make_state()
    assert checkpoint.resume(resumed, *END) == later
    assert same(resumed.tensors(), state.tensors())
