"""Networks of few channels learn on a CPU without damage to memory."""

import ctypes.util
import os
import subprocess
import sys

import pytest
import torch

from erde_torch.memory_order import order_of_training
from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings

# Where glibc's own checks are there, damage to freed memory ends the process, too.
DEBUG = ctypes.util.find_library("c_malloc_debug")
CHECKED = {"LD_PRELOAD": DEBUG, "MALLOC_CHECK_": "3"} if DEBUG else {}
CPU = torch.device("cpu")
# A short training as the product does it: in a process of its own, since damage would end it.
TRAINING = """
import sys
import tempfile
from pathlib import Path
import numpy as np
from erde_core.images import ImageDataset, Split
from erde_core.store.dataset import dataset_hash
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.settings import AugmentSettings, TeacherSettings, TrainSettings
from erde_torch.training.teacher import train_teacher
from tests.hosts import own_host

channels, side, images, threads = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
def split(count):
    pixels = rng.integers(0, 256, (count, side, side, 3), np.uint8)
    return Split(pixels, np.arange(count) % 2, np.arange(count))
statistics = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
dataset = ImageDataset(split(images), split(2), split(2), ("a", "b"), *statistics, "noise")
train = TrainSettings(epochs=1, batch_size=images, precision="float32", threads=threads)
network = NetworkSettings(name="resnet10", width=channels / 64)
settings = TeacherSettings(network=network, train=train)
with tempfile.TemporaryDirectory() as folder:
    augment, host = AugmentSettings(pad=0), own_host(Path(folder))
    train_teacher(dataset, dataset_hash(dataset), settings, augment, host)
"""


@pytest.mark.parametrize(
    ("channels", "side", "images", "threads"),
    # 25 images do not split evenly among two threads.
    [(8, 224, 4, 1), (8, 32, 25, 2), (4, 16, 24, 1)],
)
def test_a_narrow_network_learns(channels, side, images, threads):
    run = [sys.executable, "-c", TRAINING, *map(str, (channels, side, images, threads))]
    env = os.environ | CHECKED
    done = subprocess.run(run, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def cpu_threads():
    """Sets the number of CPU threads for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("name", "width", "sides", "threads", "device", "order"),
    [
        ("resnet10", 8 / 64, (184, 184), 1, CPU, torch.contiguous_format),
        ("resnet10", 8 / 64, (32, 41), 1, CPU, torch.contiguous_format),
        ("resnet10", 8 / 64, (40, 40), 1, CPU, torch.channels_last),
        ("resnet10", 8 / 64, (32, 32), 2, CPU, torch.contiguous_format),
        ("resnet10", 8 / 64, (184, 184), 2, torch.device("cuda"), torch.channels_last),
        ("resnet10", 16 / 64, (184, 184), 2, CPU, torch.channels_last),
        ("wrn16_1", 0.25, (184, 184), 1, CPU, torch.contiguous_format),
        ("mobilenetv2", 0.25, (184, 184), 1, CPU, torch.channels_last),
    ],
)
def test_only_what_would_be_damaged_learns_in_another_order(
    name, width, sides, threads, device, order, cpu_threads, monkeypatch
):
    cpu_threads(threads)
    for told in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(told, raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    network = build_network(NetworkSettings(name=name, width=width), 2, (3, *sides))
    assert order_of_training(network, sides, device) == order
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    if width < 16 / 64 and device == CPU:
        order = torch.contiguous_format
    assert order_of_training(network, sides, device) == order


@pytest.mark.parametrize(
    ("name", "limit", "order"),
    [
        ("ONEDNN_MAX_CPU_ISA", "AVX2", torch.contiguous_format),
        ("DNNL_MAX_CPU_ISA", "sse41", torch.contiguous_format),
        ("ONEDNN_MAX_CPU_ISA", "AVX10_1_256", torch.contiguous_format),
        ("ONEDNN_MAX_CPU_ISA", "avx512_core", torch.channels_last),
        ("ONEDNN_MAX_CPU_ISA", "ALL", torch.channels_last),
    ],
)
def test_what_onednn_is_told_counts_more_than_what_the_cpu_has(
    name, limit, order, cpu_threads, monkeypatch
):
    cpu_threads(1)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setenv(name, limit)
    network = build_network(NetworkSettings(name="resnet10", width=8 / 64), 2, (3, 32, 32))
    assert order_of_training(network, (32, 32), CPU) == order
