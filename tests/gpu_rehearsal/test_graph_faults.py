"""What a graph leaves out, bakes in or gets wrong is found: each mistake is planted once."""

import dataclasses
import itertools

import pytest
import torch

from erde_torch.device import NoRoomError
from erde_torch.training import loop, student
from erde_torch.training.captured import graph
from erde_torch.training.captured.recorder import GraphError
from erde_torch.training.checkpoint import TrainingState
from erde_torch.training.optimisation.average import WeightAverage
from tests.gpu_rehearsal.jobs import Jobs, assert_same_bits, bits
from tests.gpu_rehearsal.pretended_gpu import CPU, GENERATOR, GPU, pretended_gpu
from tests.gpu_rehearsal.pretended_graph import CAPTURE, PretendedGraph
from tests.gpu_rehearsal.test_graph import USED
from tests.gpu_rehearsal.test_planted_faults import around, instead
from tests.gpu_rehearsal.tiny import make_tiny

NOT_USED = "train.graph is not used: "
CHANCE = "the uncaptured step {} does not give the same bits each time on this device"
SHORT = {"epochs": 1, "batch_size": 60, "ema_decay": 0.2, "kd_warmup": 1.0}  # 2 steps


@pytest.fixture(scope="module")
def short(logits, tmp_path_factory):
    """What a short training gives on the CPU."""
    jobs = Jobs(CPU, tmp_path_factory.mktemp("cpu"))
    with pytest.MonkeyPatch.context() as patch:
        make_tiny(patch)
        return bits(jobs.student(cached=jobs.rows(logits), **SHORT))


@pytest.fixture
def rehearse(logits, short, tiny, tmp_path):
    """``rehearse()``: what it says with a captured step; the bits are the CPU's."""

    def run():
        with pretended_gpu():
            jobs = Jobs(GPU, tmp_path)
            found = bits(jobs.student(cached=jobs.rows(logits), graph=True, **SHORT))
        assert_same_bits(found, short)
        return [text for text in jobs.said if not text.startswith("epoch ")]

    return run


def capturing():
    return getattr(CAPTURE, "tape", None) is not None


def left_alone(buffer):
    """That one is not copied into."""

    def fill(filled, captured, batch, moment):
        own = {buffer: getattr(captured._batch, buffer)}
        filled(captured, dataclasses.replace(batch, **own), moment)

    return around(graph.Graph, "fill", fill)


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


def lost(note, captured, loss):
    """As if it were kept by the host."""
    if not capturing():
        note(captured, loss)


FAULTS = {
    "images are not copied": (left_alone("images"), "(loss, of which one has a NaN)"),
    "labels are not copied": (left_alone("labels"), "(loss by up to "),
    "the teacher is not copied": (left_alone("teacher"), "(loss, of which one has a NaN)"),
    "epochs are not copied": (left_alone("epochs_done"), "(loss, of which one has a NaN)"),
    "the rate is not copied": (
        around(graph.Graph, "fill", first_rate_again),
        "(network.stem.0.weight",
    ),
    "the rate is baked in": (
        instead(graph, "set_learning_rate", lambda optimiser, rate: None),
        "(network.stem.0.weight",
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
        "(network.stem.0.weight",
    ),
    "the loss is not kept": (
        around(graph.Graph, "note", lost),
        "(loss, of which one has a NaN)",
    ),
    "gradients add up": (
        around(
            torch.optim.Optimizer,
            "zero_grad",
            lambda clear, *a, **k: capturing() or clear(*a, **k),
        ),
        "(network.stem.0.weight",
    ),
}


def test_the_code_as_it_is_passes(rehearse, monkeypatch):
    """By kernels that add up in one order, as long as it learns."""
    chosen, total = set(), student.distillation_loss

    def noted(*asked, **more):
        chosen.add(torch.backends.cudnn.deterministic)
        return total(*asked, **more)

    monkeypatch.setattr(student, "distillation_loss", noted)
    assert rehearse() == []
    assert chosen == {True}
    assert not torch.backends.cudnn.deterministic


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_the_training_goes_on_uncaptured(name, rehearse, monkeypatch):
    plant, told = FAULTS[name]
    plant(monkeypatch)
    (said,) = rehearse()
    assert said.startswith(NOT_USED)
    assert told in said


def test_a_device_that_repeats_no_step_is_told_apart(tiny, logits, tmp_path, monkeypatch):
    steps, total = itertools.count(1), student.distillation_loss
    monkeypatch.setattr(
        student, "distillation_loss", lambda *a, **k: total(*a, **k) * (1 + next(steps))
    )
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path)
        jobs.student(cached=jobs.rows(logits), graph=True, **SHORT)
    assert jobs.said[0].startswith(f"{NOT_USED}{CHANCE.format(2)} (loss by up to ")


def test_a_device_that_mostly_repeats_a_step_is_told_apart_too(tiny, logits, tmp_path, monkeypatch):
    """After agreement: the last step's first repeat is like it, and the second is not."""
    steps, total = itertools.count(1), student.distillation_loss
    monkeypatch.setattr(
        student,
        "distillation_loss",
        lambda *a, **k: total(*a, **k) * (2 if next(steps) in (9, 10) else 1),
    )
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path)
        jobs.student(cached=jobs.rows(logits), graph=True, **SHORT | {"epochs": 3})
    assert USED in jobs.said
    assert any(text.startswith(f"{NOT_USED}{CHANCE.format(6)} (loss") for text in jobs.said)


def test_a_flag_that_the_host_reads_is_refused(tiny, logits, tmp_path, monkeypatch):
    """As is whatever else a GPU cannot capture, before the first replay."""
    note = graph.Graph.note

    def reading(captured, loss):
        note(captured, loss)
        if captured._step.state.optimiser.found_inf.item():
            raise AssertionError

    monkeypatch.setattr(graph.Graph, "note", reading)
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path)
        with pytest.raises(GraphError) as caught:
            jobs.student(cached=jobs.rows(logits), graph=True, **SHORT)
    assert str(caught.value) == (
        "train.graph must be false for this training, whose step cannot be captured: "
        "_local_scalar_dense: operation not permitted when stream is capturing"
    )


def test_a_capture_without_room_names_the_batch_and_the_graph(tiny, logits, tmp_path, monkeypatch):
    def full(captured, recorder):
        try:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried")
        finally:
            raise RuntimeError("the capture was invalidated")

    monkeypatch.setattr(graph.Graph, "record", full)
    with pretended_gpu():
        jobs = Jobs(GPU, tmp_path)
        with pytest.raises(NoRoomError) as caught:
            jobs.student(cached=jobs.rows(logits), graph=True, **SHORT)
    assert str(caught.value) == (
        "train.batch_size must fit the GPU's memory: lower it, or set train.graph to false "
        "(CUDA out of memory)"
    )


def test_replays_that_go_wrong_later_end_the_training(tiny, logits, tmp_path, monkeypatch):
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
        "train.graph must give the uncaptured step's bits, got others in step 6 (network.stem.0."
    )
    assert ") after 4, where they last agreed: remove the checkpoint" in str(caught.value)
