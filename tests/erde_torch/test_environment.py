import os
from types import SimpleNamespace

import pytest
import torch

from erde_torch import device
from erde_torch.clock import clock
from erde_torch.device import (
    autocast,
    choose_device,
    choose_precision,
    claim_device,
    claim_for_children,
    set_threads,
)
from erde_torch.environment import Environment

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (3599.6, "1:00:00"), (3723, "1:02:03")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_cpu_is_always_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == CPU
    with pytest.raises(ValueError, match="device must be available, got 'cuda'"):
        choose_device("cuda")


def test_a_gpu_is_taken_unless_the_cpu_is_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == choose_device("cuda").type == "cuda"
    assert choose_device("cpu") == CPU


def test_each_job_takes_a_gpu_of_its_own_and_says_which(monkeypatch, said):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    properties = [SimpleNamespace(uuid=f"uuid{i}") for i in range(3)]
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties.__getitem__)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "H100")
    used, asked = [], []
    monkeypatch.setattr(torch.cuda, "set_device", used.append)
    monkeypatch.setattr(device, "claim_gpus", lambda *a: asked.append(a) or [2])
    assert claim_device("auto", said.append) == torch.device("cuda", 2)
    assert used == [2]
    assert asked == [(["uuid0", "uuid1", "uuid2"], 1, said.append)]
    assert said == ["device: GPU 2 of 3 visible, H100 (uuid2)"]


@pytest.mark.parametrize(
    ("listed", "left"), [(None, "0,2"), ("4,5,6", "4,6"), ("GPU-a,GPU-b,GPU-c", "GPU-a,GPU-c")]
)
def test_children_see_what_was_claimed_for_them(monkeypatch, said, listed, left):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    properties = [SimpleNamespace(uuid=f"uuid{i}") for i in range(3)]
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties.__getitem__)
    monkeypatch.setattr(device, "claim_gpus", lambda names, count, say: [0, 2])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed or "")
    if listed is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    claim_for_children(2, said.append)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == left
    assert said == ["devices: GPUs 0, 2 of 3 visible"]


def test_on_the_cpu_no_gpu_is_claimed(monkeypatch, said):
    monkeypatch.setattr(device, "claim_gpus", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert claim_device("cpu", said.append) == CPU
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    claim_device("cpu", said.append)
    assert said == ["device: CPU", "device: CPU; reserved and not used: GPU 1"]


@pytest.mark.parametrize(("able", "precision"), [(True, "bf16"), (False, "float32")])
def test_precision_follows_the_processor(monkeypatch, able, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": able})
    assert choose_precision("auto", CPU) == precision
    assert choose_precision("float32", CPU) == "float32"
    assert choose_precision("bf16", CPU) == "bf16"


def test_autocast_computes_in_the_chosen_precision():
    layer, images = torch.nn.Linear(4, 4), torch.ones(2, 4)
    for precision, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
        with autocast(precision, CPU):
            assert layer(images).dtype == dtype


def test_threads():
    for threads in (2, 1):
        set_threads(threads)
        assert torch.get_num_threads() == threads


def test_identity_depends_on_parts_code_and_torch(tmp_path, monkeypatch):
    def identity(code="code", **parts):
        return Environment(CPU, tmp_path, code, 1.0, print).identity(**parts)

    found = [identity(), identity(seed=1), identity(seed=2), identity("other", seed=1)]
    monkeypatch.setattr(torch, "__version__", "0.0")
    found.append(identity(seed=1))
    assert len(set(found)) == 5


def test_identity_does_not_depend_on_folder_or_order(tmp_path):
    here = Environment(CPU, tmp_path, "code", 1.0, print).identity(seed=1, loss={"a": 1, "b": 2})
    there = Environment(CPU, tmp_path / "x", "code", 9.0, repr).identity(
        loss={"b": 2, "a": 1}, seed=1
    )
    assert here == there
