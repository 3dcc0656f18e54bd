"""Trainings on the pretended GPU give the CPU's bits, and the host hardly waits for them."""

import contextlib
import itertools
import math
import os
import signal
from types import SimpleNamespace

import pytest
import torch

from erde_torch.training import loop, teacher
from erde_torch.training.interrupt import Interrupted
from erde_torch.training.optimisation.losses import NonFiniteLossError
from erde_torch.training.shelf import read_saved
from tests.gpu_rehearsal.jobs import FORMS, Jobs, assert_same_bits, bits, start, to_float32
from tests.gpu_rehearsal.pretended_gpu import CPU, GPU, pretended_gpu

MOST_WAITS = 0.1  # per step


@pytest.mark.parametrize("name", FORMS)
def test_the_bits_are_the_cpus(name, network, logits, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        to_float32(patch)
        wanted = bits(start(name, Jobs(CPU, tmp_path / "cpu"), network, logits))
    with pretended_gpu():
        trained = start(name, Jobs(GPU, tmp_path / "gpu"), network, logits)
        assert {t.device for t in trained[0].state_dict().values()} == {GPU}
        assert_same_bits(bits(trained), wanted)


@pytest.mark.parametrize("name", FORMS)
def test_a_step_hardly_waits(name, network, logits, tmp_path, waits, noted):
    """30 steps per epoch, of which the second is counted, with its validation."""
    jobs, counts = Jobs(GPU, tmp_path), []
    jobs.said = SimpleNamespace(append=lambda text: counts.append(waits.total()))
    start(name, jobs, network, logits, batch_size=4)
    per_step = (counts[1] - counts[0]) / 30
    noted(f"{name}, per step", per_step)
    assert per_step <= MOST_WAITS, waits


def test_an_interrupted_training_goes_on_with_the_same_bits(network, logits, tmp_path, monkeypatch):
    name = "student, cached, average, warm-up"
    wanted = bits(start(name, Jobs(CPU, tmp_path / "cpu"), network, logits))
    seeded, taken = loop.seed_step, []

    def stopping(*place):
        taken.append(place)
        if len(taken) == 8:  # the first is that of the first weights
            os.kill(os.getpid(), signal.SIGTERM)
        seeded(*place)

    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path / "gpu")
        with monkeypatch.context() as patch:
            patch.setattr(loop, "seed_step", stopping)
            with pytest.raises(Interrupted):
                start(name, jobs, network, logits, host=jobs.host("one"))
        torch.manual_seed(99)
        trained = start(name, jobs, network, logits, host=jobs.host("one"))
        assert "resuming in epoch 2, step 3" in jobs.said
        assert_same_bits(bits(trained), wanted)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_bad_loss_leaves_the_weights_of_the_step_before(optimiser, tmp_path, monkeypatch):
    """Told as on the CPU, and the checkpoint is the last good one."""
    told, weights = [], []
    rates = {"optimiser": optimiser, "learning_rate": 0.01, "batch_size": 24}
    for device in (CPU, GPU):
        with pretended_gpu() if device == GPU else contextlib.nullcontext():
            jobs, trained = Jobs(device, tmp_path / device.type), []
            spoil_step(monkeypatch, 8, trained)
            with pytest.raises(NonFiniteLossError) as caught:
                jobs.teacher(host=jobs.host("spoilt", seconds=0.0), **rates)
            told.append(str(caught.value))
            weights.append([p.detach().cpu() for p in trained[0].parameters()])
            saved = read_saved(tmp_path / device.type / "spoilt/checkpoint.safetensors")
            assert (saved.position.epoch, saved.position.step) == (1, 2)
    assert told[0] == told[1]
    assert "got nan in epoch 2, step 3 (learning rate " in told[0]
    assert all(map(torch.equal, *weights))


def spoil_step(monkeypatch, number, trained):
    """The loss of that step (1, 2, …) is no number; ``trained`` is given the network."""
    monkeypatch.undo()
    made, begun = teacher._cross_entropy_at_every_exit, loop.TrainingState

    def spoilt(*asked_of_it):
        rule, steps = made(*asked_of_it), itertools.count(1)
        return lambda *asked: rule(*asked) * (math.nan if next(steps) == number else 1.0)

    def state(network, *rest):
        trained.append(network)
        return begun(network, *rest)

    monkeypatch.setattr(teacher, "_cross_entropy_at_every_exit", spoilt)
    monkeypatch.setattr(loop, "TrainingState", state)
