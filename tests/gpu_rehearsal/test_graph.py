"""Trainings by a captured step give the uncaptured one's bits, and a replay does not wait.

The graph is a tape of the operations, replayed on the same tensors (``pretended_graph.py``): what
the product does with PyTorch's own capture is rehearsed as it is.
"""

import contextlib
import dataclasses
import itertools
import os
import signal
from types import SimpleNamespace

import pytest
import torch

from erde_torch.training import data, loop, teacher
from erde_torch.training.batches import TrainingSet
from erde_torch.training.interrupt import Interrupted
from erde_torch.training.optimisation.losses import KeptLosses, NonFiniteLossError
from tests.gpu_rehearsal.jobs import Jobs, assert_same_bits, bits, start, to_float32
from tests.gpu_rehearsal.pretended_gpu import CPU, GPU, pretended_gpu
from tests.gpu_rehearsal.test_training import MOST_WAITS

USED = "the captured step gave the uncaptured one's bits 3 times: in use"


@pytest.mark.parametrize(
    "name", ["teacher, AdamW", "student, cached, average, warm-up", "student, online"]
)
def test_the_bits_are_the_cpus(name, network, logits, tmp_path, monkeypatch):
    """Which knows no graph: 4 of 10 steps are replayed unchecked, over the end of an epoch."""
    with monkeypatch.context() as patch:
        to_float32(patch)
        wanted = bits(start(name, Jobs(CPU, tmp_path / "cpu"), network, logits))
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path / "gpu")
        found = bits(start(name, jobs, network, logits, graph=True))
    assert USED in jobs.said
    assert_same_bits(found, wanted)


def test_a_replay_never_waits(tiny, network, logits, tmp_path, waits, monkeypatch, noted):
    """30 steps per epoch; those between the first and the last of the second are looked at."""
    counts, taken, kept = [], [], KeptLosses.take
    jobs = Jobs(GPU, tmp_path)
    jobs.said = SimpleNamespace(append=lambda text: counts.append(waits.total()))

    def take(losses, loss, stop):
        taken.append(waits.total())
        return kept(losses, loss, stop)

    monkeypatch.setattr(KeptLosses, "take", take)
    name = "student, cached, average, warm-up"
    start(name, jobs, network, logits, batch_size=4, graph=True)
    assert len(taken) == 60
    assert len(set(taken[30:59])) == 1
    per_step = (counts[-1] - counts[-2]) / 30
    noted(f"{name}, captured, per step", per_step)
    assert per_step <= MOST_WAITS


def test_a_checkpoint_goes_on_with_and_without(tiny, network, logits, tmp_path, monkeypatch):
    name, kept = "student, cached, average, warm-up", KeptLosses.take
    wanted = bits(start(name, Jobs(CPU, tmp_path / "cpu"), network, logits))
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path / "gpu")
        for captured, steps in ((False, 2), (True, 6)):
            numbers = itertools.count(1)

            def stopping(losses, loss, stop, numbers=numbers, steps=steps):
                if next(numbers) == steps:
                    os.kill(os.getpid(), signal.SIGTERM)
                return kept(losses, loss, stop)

            with monkeypatch.context() as patch:
                patch.setattr(KeptLosses, "take", stopping)
                host = dataclasses.replace(jobs.host("one"), graph=captured)
                with pytest.raises(Interrupted):
                    start(name, jobs, network, logits, host=host)
        assert USED in jobs.said
        trained = start(name, jobs, network, logits, host=jobs.host("one"))
        assert "resuming in epoch 1, step 3" in jobs.said
        assert "resuming in epoch 2, step 4" in jobs.said
        assert_same_bits(bits(trained), wanted)


def test_a_bad_loss_leaves_the_weights_of_the_step_before(tiny, tmp_path, monkeypatch):
    """As uncaptured: the replay itself skips it, and all that follow."""
    made, begun = teacher._cross_entropy_at_every_exit, loop.TrainingState
    told, weights = [], []

    def spoilt(*asked):
        rule = made(*asked)

        def objective(scores, batch):  # in step 8 of 10, told by the device
            bad = (batch.epochs_done - 1.4).abs() < 0.01
            return rule(scores, batch) * torch.where(bad, torch.nan, 1.0)

        return objective

    monkeypatch.setattr(teacher, "_cross_entropy_at_every_exit", spoilt)
    for device in (CPU, GPU):
        trained = []
        monkeypatch.setattr(
            loop, "TrainingState", lambda n, *rest, to=trained: to.append(n) or begun(n, *rest)
        )
        with pretended_gpu() if device == GPU else contextlib.nullcontext():
            jobs = Jobs(device, tmp_path / device.type)
            with pytest.raises(NonFiniteLossError) as caught:
                jobs.teacher(graph=device == GPU)
            told.append(str(caught.value))
            weights.append([p.detach().cpu() for p in trained[0].parameters()])
    assert USED in jobs.said
    assert told[0] == told[1]
    assert all(map(torch.equal, *weights))


def test_images_that_are_read_as_they_come_are_copied_too(tiny, logits, tmp_path, monkeypatch):
    """Each batch comes from memory of its own."""
    jobs = Jobs(CPU, tmp_path / "cpu")
    wanted = bits(jobs.student(cached=jobs.rows(logits)))
    monkeypatch.setattr(data, "room_for_data", lambda device: 0)
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path / "gpu")
        found = bits(jobs.student(cached=jobs.rows(logits), graph=True))
    assert jobs.said[0].endswith("they are read as they come")
    assert USED in jobs.said
    assert_same_bits(found, wanted)


def test_a_batch_of_another_size_is_taken_uncaptured(tiny, network, logits, tmp_path, monkeypatch):
    """A copy into a buffer would stretch it."""
    whole = TrainingSet.epoch

    def uneven(data, *place):
        for step, batch in enumerate(whole(data, *place), 1):
            fields = vars(batch) if step % 5 else cut(batch)
            yield type(batch)(**fields)

    def cut(batch):
        return {name: t[:1].expand(2, *t.shape[1:]) if t.dim() else t for name, t in each(batch)}

    def each(batch):
        return ((name, t) for name, t in vars(batch).items())

    monkeypatch.setattr(TrainingSet, "epoch", uneven)
    wanted = bits(start("student, cached", Jobs(CPU, tmp_path / "cpu"), network, logits))
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path / "gpu")
        found = bits(start("student, cached", jobs, network, logits, graph=True))
    assert USED in jobs.said
    assert_same_bits(found, wanted)
