"""Filling the cache needs the memory of one view, however many there are."""

import subprocess
import sys

PROGRAM = """
import resource, sys
from pathlib import Path
import torch
import numpy as np
from erde_core.images import ImageDataset, Split
from erde_core.store.dataset import dataset_hash
from erde_torch.teacher_cache.fill import build_cache
from tests.hosts import own_host
from erde_torch.training.settings import AugmentSettings
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.build import build_network

torch.set_num_threads(1)
folder, views = Path(sys.argv[1]), int(sys.argv[2])
random = np.random.default_rng(0)
split = Split(
    random.integers(0, 256, (600, 16, 16, 3), dtype=np.uint8),
    random.integers(0, 500, 600),
    np.arange(600),
)
names, half = tuple(map(str, range(500))), (0.5, 0.5, 0.5)
dataset = ImageDataset(split, split, split, names, half, half, "noise")
torch.manual_seed(0)
teacher = build_network(NetworkSettings(name="resnet10", width=0.0625), 500, (3, 16, 16)).eval()
host = own_host(folder)
augment = AugmentSettings(pad=4, flip=True)
path = folder / "teacher.h5"
build_cache(path, dataset, dataset_hash(dataset), [teacher], augment, views, "float32", host)
print(path.stat().st_size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(folder, views):
    """(file size in bytes, peak resident memory in KiB) of a process that caches ``views``."""
    folder.mkdir()
    command = [sys.executable, "-c", PROGRAM, str(folder), str(views)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    size, memory = done.stdout.split()
    return int(size), int(memory)


def test_peak_memory_does_not_grow_with_the_views(tmp_path):
    # 390 MB of logits: far above a tenth of the process, so a copy of them would be noticed.
    few, many = peak(tmp_path / "few", 2), peak(tmp_path / "many", 162)
    assert many[0] > 50 * few[0]
    print(f"peak memory {few[1] / 1024:.0f} MiB for 2 views, {many[1] / 1024:.0f} MiB for 162")
    assert many[1] < 1.1 * few[1]
