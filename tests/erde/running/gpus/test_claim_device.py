"""A job has its GPU to itself, and says which it is."""

import os
from types import SimpleNamespace

import pytest
import torch

from erde.running.gpus import claim_device as module
from erde.running.gpus.claim_device import claim_device, claim_for_children

CPU = torch.device("cpu")


def test_each_job_takes_a_gpu_of_its_own_and_says_which(monkeypatch, said):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    properties = [SimpleNamespace(uuid=f"uuid{i}") for i in range(3)]
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties.__getitem__)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "H100")
    used, asked = [], []
    monkeypatch.setattr(torch.cuda, "set_device", used.append)
    monkeypatch.setattr(module, "claim_gpus", lambda *a: asked.append(a) or [2])
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
    monkeypatch.setattr(module, "claim_gpus", lambda names, count, say: [0, 2])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed or "")
    if listed is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    claim_for_children(2, said.append)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == left
    assert said == ["devices: GPUs 0, 2 of 3 visible"]


def test_on_the_cpu_no_gpu_is_claimed(monkeypatch, said):
    monkeypatch.setattr(module, "claim_gpus", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert claim_device("cpu", said.append) == CPU
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    claim_device("cpu", said.append)
    assert said == ["device: CPU", "device: CPU; reserved and not used: GPU 1"]
