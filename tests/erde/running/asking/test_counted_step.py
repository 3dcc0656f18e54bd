import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from erde.datasets.source import Facts
from erde.running.asking import counted_step as counted_step_module
from erde.running.asking import questions as questions_module
from erde.running.asking.counted_step import answer, counted_step
from erde.running.asking.questions import PASSING, Questions
from erde.running.asking.step_memory import step_memory
from erde.running.cluster.needs import most_training_bytes
from erde_torch.device import choose_precision
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.table import known_names
from erde_torch.training.settings import TrainSettings

FACTS = Facts(train=100, val=10, test=10, height=32, width=32, channels=3, classes=10)


def kept(network, shape):
    """Bytes of one image that a real step keeps."""
    own = {p.data_ptr() for p in network.parameters()}
    seen = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        alive = network(torch.zeros(2, *shape))
    del alive
    return sum(seen.values()) / 2


def test_a_step_is_counted_as_a_real_one_is():
    """Counted without memory, and with it."""
    settings, shape = NetworkSettings(name="resnet10", width=0.25), (3, 64, 64)
    found, network = counted_step(settings, 10, shape), build_network(settings, 10, shape).train()
    assert found.image_bytes == pytest.approx(kept(network, shape), rel=0.02)
    assert found.weights == sum(p.numel() for p in network.parameters())
    assert found.image_operations == 6 * exit_macs(network, shape)[-1]


def test_attention_is_not_counted_for_more_than_it_keeps():
    """Fused kernels do not keep the product of queries and keys; nothing is refused for it."""
    pytest.importorskip("timm")
    settings, shape = NetworkSettings(name="timm/vit_tiny_patch16_224"), (3, 224, 224)
    real = kept(build_network(settings, 10, shape).train(), shape)
    assert 0.9 * real < counted_step(settings, 10, shape).image_bytes <= real


@pytest.mark.parametrize("name", known_names())
@pytest.mark.parametrize("side", [32, 96])
def test_no_step_takes_more_than_the_bound_of_its_family(name, side):
    """Below the bound nobody counts: it must hold."""
    settings, shape, train = NetworkSettings(name=name), (3, side, side), TrainSettings(epochs=1)
    found = counted_step(settings, 100, shape)
    least = 16 * found.weights + train.batch_size * found.image_bytes
    facts = replace(FACTS, height=side, width=side)
    assert least < most_training_bytes(settings, train, facts)


def test_a_step_is_counted_by_another_process_once(tmp_path):
    settings = [NetworkSettings(name="wrn16_1")]
    steps, device = step_memory(settings, FACTS, "cpu", Questions(tmp_path, "1"))
    assert steps == [counted_step(settings[0], 10, (3, 32, 32))]
    assert device.memory_bytes == 0
    assert device.precision == choose_precision("auto", torch.device("cpu"))
    assert list(device.operations_per_second) == ["auto"]
    assert device.operations_per_second["auto"] > 0
    (answer,) = tmp_path.iterdir()
    told = json.loads(answer.read_text(encoding="utf-8"))
    told["steps"][0]["weights"] = 1
    answer.write_text(json.dumps(told), encoding="utf-8")
    assert step_memory(settings, FACTS, "cpu", Questions(tmp_path, "1"))[0][0].weights == 1


@pytest.fixture
def ask(monkeypatch):
    """``ask(precisions)``: the answer where PyTorch sees a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    properties = SimpleNamespace(total_memory=40 * 10**9)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    return lambda *precisions: answer([], 10, [3, 32, 32], "auto", [], [], list(precisions))


def test_a_gpu_that_another_job_fills_is_not_timed_and_asked_again(ask, monkeypatch):
    """It cannot be claimed while a plan is made."""

    def full(*given, **more):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 392.00 MiB.")

    monkeypatch.setattr(torch, "randn", full)
    found = ask("auto")
    wanted = {"memory_bytes": 40 * 10**9, "precision": "bf16", "operations_per_second": {}}
    assert found == {"steps": [], "device": wanted, PASSING: True}
    monkeypatch.setattr(torch.cuda, "get_device_properties", full)
    assert ask("auto")["device"] == wanted | {"memory_bytes": None}


def test_a_gpu_is_timed_in_the_trainings_precision_and_waited_for_once_in_many(ask, monkeypatch):
    """By one that is not there: only who computes, on what and how is looked at."""
    calls, waits = [], []

    class Layer(torch.nn.Module):
        def forward(self, images):
            calls.append((len(images), torch.is_autocast_enabled("cpu"), tf32_is_allowed()))

    def tf32_is_allowed():
        return torch.backends.cudnn.allow_tf32

    randn, usual = torch.randn, torch.autocast
    torch.backends.cudnn.allow_tf32 = True
    monkeypatch.setattr(torch, "randn", lambda *size, device: randn(size[0], 1, 1, 1))
    monkeypatch.setattr(torch.nn, "Conv2d", lambda *_, **__: Layer())
    monkeypatch.setattr(torch.nn.Module, "to", lambda layer, *_, **__: layer)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: waits.append(len(calls)))
    monkeypatch.setattr(torch, "autocast", lambda _, *a, **k: usual("cpu", *a, **k))
    monkeypatch.setattr(counted_step_module, "_SECONDS", 0.001)
    found = ask("auto", "float32")
    assert PASSING not in found
    assert list(found["device"]["operations_per_second"]) == ["auto", "float32"]
    assert {images for images, _, _ in calls} == {1024}
    assert not any(tf32 for _, _, tf32 in calls)
    assert {half for _, half, _ in calls} == {True, False}
    assert len(calls) == 20 * len(waits)


def test_an_answer_of_the_moment_is_not_kept(tmp_path, monkeypatch):
    told = iter([{"n": 1, PASSING: True}, {"n": 2}])
    monkeypatch.setattr(questions_module, "_answered", lambda question: next(told))
    for number in (1, 2, 2):
        assert Questions(tmp_path, "1").ask("step_memory", {})["n"] == number


def test_who_plans_loads_no_torch():
    code = "import sys, erde.running.plan; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
