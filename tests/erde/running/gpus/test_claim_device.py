"""A job has its GPU to itself, and says which it is."""

import os
from types import SimpleNamespace

import pytest
import torch

from erde.running import job_host
from erde.running.gpus import claim_device as module
from erde.running.gpus.claim_device import claim_device, claim_for_children

CPU = torch.device("cpu")


@pytest.fixture
def used(monkeypatch):
    """There are three GPUs; the numbers that were set as the process's own."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    properties = [SimpleNamespace(uuid=f"uuid{i}") for i in range(3)]
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties.__getitem__)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "H100")
    used = []
    monkeypatch.setattr(torch.cuda, "set_device", used.append)
    return used


@pytest.mark.parametrize(("units", "places"), [(1, 3), (3, 1)])
def test_a_job_that_asks_for_one_unit_of_a_gpu_shares_it(units, places, monkeypatch, said):
    asked = []
    monkeypatch.setattr(job_host, "claim_device", lambda *a: asked.append(a) or CPU)
    job = SimpleNamespace(
        config={"students_per_gpu": 3, "checkpoint_seconds": 1},
        resources=SimpleNamespace(gpu=units),
        params=SimpleNamespace(device="auto", code=""),
        wildcards=SimpleNamespace(experiment="x"),
        threads=1,
    )
    job_host.job_host(job, "teacher", said.append)
    assert asked == [("auto", said.append, places)]


@pytest.mark.parametrize(
    ("device", "gpu", "option", "smi", "found"),
    [
        ("auto", 0, False, False, "cpu"),  # --config gpu_for_auto=false
        ("auto", 0, None, True, "cpu"),  # --set-resources student:gpu=0
        ("auto", 0, None, False, "auto"),  # the plan could see no GPU, PyTorch may
        ("auto", 1, None, True, "auto"),
        ("auto", 3, True, True, "auto"),
        ("cuda", 0, False, True, "cuda"),
        ("cpu", 0, None, True, "cpu"),
    ],
)
def test_auto_is_the_cpu_for_a_job_that_was_given_no_gpu(
    device, gpu, option, smi, found, monkeypatch, said
):
    monkeypatch.setattr(job_host.shutil, "which", lambda name: "/usr/bin/nvidia-smi" * smi or None)
    asked = []
    monkeypatch.setattr(job_host, "claim_device", lambda *a: asked.append(a[0]) or CPU)
    job = SimpleNamespace(
        config={"students_per_gpu": 1, "gpu_for_auto": option},
        resources=SimpleNamespace(gpu=gpu),
        params=SimpleNamespace(device=device),
    )
    job_host.device_of(job, said.append)
    assert asked == [found]
    assert said == ["no GPU was asked for, so device: auto is the CPU"] * (found != device)


def test_a_shared_gpu_is_said_to_be_one(used, monkeypatch, said):
    monkeypatch.setattr(module, "claim_share", lambda names, places, say: len(names) - places)
    assert claim_device("auto", said.append, 2) == torch.device("cuda", 1)
    assert said == ["device: GPU 1 of 3 visible, H100 (uuid1); shared by up to 2 jobs"]


def test_each_job_takes_a_gpu_of_its_own_and_says_which(used, monkeypatch, said):
    asked = []
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
