"""Device, precision and threads follow what is asked for and what is there."""

import os

import pytest
import torch

from erde_torch.device import (
    NoRoomError,
    autocast,
    choose_device,
    choose_precision,
    room_named,
    set_threads,
)
from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.staged import StagedNetwork

CPU = torch.device("cpu")


def test_cpu_is_always_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == CPU
    with pytest.raises(ValueError, match="device must be available, got 'cuda'"):
        choose_device("cuda")


def test_float32_is_not_rounded_to_tf32(monkeypatch):
    """Whatever else asks for it: an environment variable, the setting above all others."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    parts = [p for p in (cudnn.conv, cudnn.rnn, matmul) if hasattr(p, "fp32_precision")]
    for start in (lambda: choose_device("cpu"), lambda: StagedNetwork(small_network())):
        monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
        for part in parts:
            part.fp32_precision = "tf32"
        start()
        torch.backends.fp32_precision = "tf32"
        assert [part.fp32_precision for part in parts] == ["ieee"] * 3
        assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"
        torch.backends.fp32_precision = "none"
        assert not cudnn.allow_tf32  # who asks by the old name is not refused
        assert not matmul.allow_tf32


def small_network():
    settings = NetworkSettings(name="resnet10", width=1 / 16)
    return build_network(settings, 10, (3, 16, 16))


def test_a_gpu_is_taken_unless_the_cpu_is_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == choose_device("cuda").type == "cuda"
    assert choose_device("cpu") == CPU


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


def test_too_little_memory_names_the_setting():
    told = r"train.batch_size must fit the GPU's memory: lower it \(CUDA out of memory\)"
    with pytest.raises(NoRoomError, match=told), room_named("train.batch_size"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has …")
