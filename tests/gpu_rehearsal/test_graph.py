"""Trainings by a captured step give the uncaptured one's bits; planted faults are all found.

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

from erde_torch.training import graph, loop, student, teacher
from erde_torch.training.batches import TrainingSet
from erde_torch.training.checkpoint import TrainingState
from erde_torch.training.graph import GraphError
from erde_torch.training.interrupt import Interrupted
from erde_torch.training.optimisation.average import WeightAverage
from erde_torch.training.optimisation.losses import KeptLosses, NonFiniteLossError
from tests.gpu_rehearsal.jobs import Jobs, assert_same_bits, bits, start, to_float32
from tests.gpu_rehearsal.pretended_gpu import CPU, GENERATOR, GPU, pretended_gpu
from tests.gpu_rehearsal.pretended_graph import CAPTURE, PretendedGraph
from tests.gpu_rehearsal.test_training import MOST_WAITS

USED = "the captured step gave the uncaptured one's bits 3 times: in use"
NOT_USED = "train.graph is not used: "


@pytest.mark.parametrize(
    "name", ["teacher, AdamW, equilibrium", "student, cached, average, warm-up", "student, online"]
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


def test_a_replay_never_waits(network, logits, tmp_path, waits, monkeypatch, noted):
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


def test_a_checkpoint_goes_on_with_a_graph_and_without(network, logits, tmp_path, monkeypatch):
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
                with pytest.raises(Interrupted):
                    start(name, jobs, network, logits, host=jobs.host("one"), graph=captured)
        assert USED in jobs.said
        trained = start(name, jobs, network, logits, host=jobs.host("one"))
        assert "resuming in epoch 1, step 3" in jobs.said
        assert "resuming in epoch 2, step 4" in jobs.said
        assert_same_bits(bits(trained), wanted)


def test_a_bad_loss_leaves_the_weights_of_the_step_before(tmp_path, monkeypatch):
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


def test_a_batch_of_another_size_is_taken_uncaptured(network, logits, tmp_path, monkeypatch):
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


SHORT = {"epochs": 1, "batch_size": 60, "ema_decay": 0.9, "kd_warmup": 1.0}  # 2 steps


@pytest.fixture(scope="module")
def rehearse(logits, tmp_path_factory):
    """``rehearse()``: what a short training by a captured step says; the bits are the CPU's."""
    jobs = Jobs(CPU, tmp_path_factory.mktemp("cpu"))
    wanted = bits(jobs.student(cached=jobs.rows(logits), **SHORT))

    def run():
        with pretended_gpu():
            jobs = Jobs(GPU, tmp_path_factory.mktemp("gpu"))
            found = bits(jobs.student(cached=jobs.rows(logits), graph=True, **SHORT))
        assert_same_bits(found, wanted)
        return [text for text in jobs.said if not text.startswith("epoch ")]

    return run


def instead(owner, name, value):
    return lambda patch: patch.setattr(owner, name, value)


def around(owner, name, change):
    """``change(function, *arguments)`` takes the place of the function."""
    function = getattr(owner, name)
    return instead(owner, name, lambda *a, **k: change(function, *a, **k))


def capturing():
    return getattr(CAPTURE, "tape", None) is not None


def left_alone(buffer):
    """That one is not copied into."""

    def fill(filled, captured, batch, moment):
        own = {buffer: getattr(captured._batch, buffer)}
        filled(captured, dataclasses.replace(batch, **own), moment)

    return around(graph._Graph, "fill", fill)


def first_rate_again(filled, captured, batch, moment):
    filled(captured, batch, dataclasses.replace(moment, rate=0.01))


def fixed_generator(replay, captured):
    GENERATOR.manual_seed(7)
    replay(captured)


def restored_elsewhere(state, tensors):
    """As a checkpoint is read by code that knows of no graph."""
    for parameter in state.network.parameters():
        memory = state.optimiser.state[parameter]
        memory["momentum_buffer"] = torch.empty_like(memory["momentum_buffer"])
    restore(state, tensors)


restore = TrainingState.restore
FAULTS = {
    "images are not copied": (left_alone("images"), "(loss by up to nan)"),
    "labels are not copied": (left_alone("labels"), "(loss by up to "),
    "the teacher is not copied": (left_alone("teacher"), "(loss by up to nan)"),
    "epochs are not copied": (left_alone("epochs_done"), "(loss by up to nan)"),
    "the rate is not copied": (
        around(graph._Graph, "fill", first_rate_again),
        "(network.stem.",
    ),
    "the rate is baked in": (
        instead(graph, "set_learning_rate", lambda optimiser, rate: None),
        "(network.stem.",
    ),
    "the generator does not move": (
        around(PretendedGraph, "replay", fixed_generator),
        "(loss by up to ",
    ),
    "the average is left out": (
        around(TrainingState, "average", lambda take, state: capturing() or take(state)),
        "(ema.module.",
    ),
    "the average's count is left out": (
        instead(WeightAverage, "count_replay", lambda average: None),
        "(ema.n_averaged by up to 1)",
    ),
    "the momentum moves to other memory": (
        instead(TrainingState, "restore", restored_elsewhere),
        "(network.stem.",
    ),
    "gradients add up": (
        around(
            torch.optim.Optimizer,
            "zero_grad",
            lambda clear, *a, **k: capturing() or clear(*a, **k),
        ),
        "(network.stem.",
    ),
}


def test_the_code_as_it_is_passes(rehearse):
    assert rehearse() == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_the_training_goes_on_uncaptured(name, rehearse, monkeypatch):
    plant, told = FAULTS[name]
    plant(monkeypatch)
    (said,) = rehearse()
    assert said.startswith(NOT_USED)
    assert told in said


def test_a_device_that_repeats_no_step_is_told_from_a_wrong_graph(logits, tmp_path, monkeypatch):
    steps, total = itertools.count(1), student.distillation_loss
    monkeypatch.setattr(
        student, "distillation_loss", lambda *a, **k: total(*a, **k) * (1 + next(steps))
    )
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path)
        jobs.student(cached=jobs.rows(logits), graph=True, **SHORT)
    assert jobs.said[0].startswith(f"{NOT_USED}the uncaptured step 2 gives other bits each time")
    assert "(loss by up to " in jobs.said[0]


def test_a_flag_that_the_host_reads_is_refused(logits, tmp_path, monkeypatch):
    """As is whatever else a GPU cannot capture, before the first replay."""
    note = graph._Graph.note

    def reading(captured, loss):
        note(captured, loss)
        if captured._step.state.optimiser.found_inf.item():
            raise AssertionError

    monkeypatch.setattr(graph._Graph, "note", reading)
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path)
        with pytest.raises(GraphError) as caught:
            jobs.student(cached=jobs.rows(logits), graph=True, **SHORT)
    assert str(caught.value) == (
        "train.graph must be false for this training, whose step cannot be captured: "
        "_local_scalar_dense: operation not permitted when stream is capturing"
    )


def test_replays_that_go_wrong_later_end_the_training(logits, tmp_path, monkeypatch):
    """Something moves the momentum after the second of three epochs, when both ways had agreed."""
    measure, epochs = loop._accuracy, itertools.count(1)

    def measured(state, *more):
        if next(epochs) == 2:
            for memory in state.optimiser.state.values():
                memory["momentum_buffer"] = memory["momentum_buffer"].clone()
        return measure(state, *more)

    monkeypatch.setattr(loop, "_accuracy", measured)
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path)
        with pytest.raises(GraphError) as caught:
            jobs.student(cached=jobs.rows(logits), graph=True, **SHORT | {"epochs": 3})
    assert USED in jobs.said
    assert str(caught.value).startswith(
        "train.graph must give the uncaptured step's bits, got others in step 6 (network.stem."
    )
    assert ") after 4, where they last agreed: remove the checkpoint" in str(caught.value)
