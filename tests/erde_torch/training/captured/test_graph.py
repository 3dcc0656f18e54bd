"""What is asked of a captured step before it is captured; its replays are rehearsed elsewhere
(``tests/gpu_rehearsal``)."""

import dataclasses

import pytest
import torch

from erde_torch.teachers.onnx_network import OnnxNetwork
from erde_torch.training import loop
from erde_torch.training.captured.step import CapturedStep
from erde_torch.training.checkpoint import TrainingState
from erde_torch.training.identity import Identity
from erde_torch.training.loop import Run, make_steps
from erde_torch.training.optimisation.optimiser import make_optimiser
from erde_torch.training.processes import Processes
from erde_torch.training.settings import StudentSettings, TrainSettings, learned
from erde_torch.training.teacher_answers import OnlineTeacher
from tests.hosts import own_host


def test_what_does_not_go_together_is_refused():
    with pytest.raises(ValueError, match=r"^graph must be false with compile, got true for both$"):
        TrainSettings(epochs=1, graph=True, compile=True)
    with pytest.raises(ValueError, match="graph must be false with several processes, got true f"):
        TrainSettings(epochs=1, graph=True, processes=2)


@pytest.mark.parametrize(
    ("train", "processes"), [({"compile": True}, Processes()), ({}, Processes(2, 1))]
)
def test_nor_does_a_host_bring_it_in(train, processes, tmp_path):
    host = dataclasses.replace(own_host(tmp_path, processes=processes), graph=True)
    run = Run(TrainSettings(epochs=1, **train), 0, "float32", Identity.of({}), host)
    with pytest.raises(ValueError, match="graph must be false with compile or several processes"):
        make_steps(None, None, None, run, torch.device("cuda"))


def test_of_a_teacher_outside_pytorch_nothing_is_captured_by_itself(tmp_path):
    class Graph(torch.nn.Identity):
        capturable = OnnxNetwork.capturable

    assert not OnlineTeacher(Graph(), "float32", torch.device("cpu")).capturable
    assert OnlineTeacher(torch.nn.Identity(), "float32", torch.device("cpu")).capturable
    asked = 0, "float32", Identity.of({}), own_host(tmp_path)
    device = torch.device("cuda")
    auto = TrainSettings(epochs=1, graph="auto")
    found = [
        loop.is_captured(Run(auto, *asked, capturable), device) for capturable in (True, False)
    ]
    assert found == [True, False]
    with pytest.raises(
        ValueError, match=r"^train\.graph must be false with an online ONNX teacher"
    ):
        loop.is_captured(Run(TrainSettings(epochs=1, graph=True), *asked, False), device)


@pytest.mark.parametrize("graph", ["yes", "Auto", 1])
def test_another_word_is_refused(graph):
    with pytest.raises(ValueError, match=f"^graph must be true, false or 'auto', got {graph!r}$"):
        TrainSettings(epochs=1, graph=graph)


@pytest.mark.parametrize(
    ("device", "train", "processes", "captured"),
    [
        ("cuda", {}, Processes(), True),
        ("cpu", {}, Processes(), False),
        ("cuda", {"compile": True}, Processes(), False),
        ("cuda", {"processes": 2}, Processes(2, 1), False),
    ],
)
def test_auto_captures_where_a_graph_can_be(device, train, processes, captured, tmp_path):
    host = own_host(tmp_path, processes=processes)
    asked = TrainSettings(epochs=1, graph="auto", **train)
    run = Run(asked, 0, "float32", Identity.of({}), host)
    network = torch.nn.Linear(2, 2)
    state = TrainingState(network, make_optimiser(network, asked), 0.0)
    steps = make_steps(network, state, None, run, torch.device(device))
    assert isinstance(steps, CapturedStep) == captured


def test_a_graph_is_no_part_of_what_is_learned():
    """A checkpoint of one goes on as the other."""
    plain, captured = (
        StudentSettings(train=TrainSettings(epochs=1, graph=graph)) for graph in (False, True)
    )
    assert learned(captured) == learned(plain)
    assert "graph" not in learned(plain)["train"]


def test_without_a_gpu_nothing_is_trained(training, said, tmp_path):
    asked = training(graph=True)
    with pytest.raises(ValueError, match=r"^train\.graph must be false where no GPU is used, got"):
        asked.start()
    assert said == []
    assert not (tmp_path / "checkpoints").exists()
