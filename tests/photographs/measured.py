"""A job in a process of its own that prints how much anonymous memory it took at most, in MB.

``python -m tests.photographs.measured data|epoch FOLDER RESULTS``: beyond what the imports took.
"""

import sys
import threading
import time
from pathlib import Path

import torch

from erde.datasets.folder_settings import FolderSettings
from erde.datasets.photographs.stored import into_file
from erde_core.crops import CropSettings
from erde_core.fast.crops import cropped
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.settings import AugmentSettings, TeacherSettings, TrainSettings
from erde_torch.training.teacher import train_teacher
from tests.hosts import own_host

SIDE = 160


def anonymous_mb():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1000
    return 0.0


class Watch:
    """The most that this process had, looked at every 5 ms."""

    def __init__(self):
        self.started = self.most = anonymous_mb()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self):
        while True:
            self.most = max(self.most, anonymous_mb())
            time.sleep(0.005)


def data(folder, results):
    settings = FolderSettings(
        name="folder", path=str(folder), image_size=SIDE, resize="crop", validation=0.05
    )
    into_file(settings, True, results / "data.h5", results / "unfinished", "tests", print)


def epoch(folder, results):
    network = NetworkSettings(name="resnet10", width=0.25)
    train = TrainSettings(epochs=1, batch_size=4, precision="float32")
    teacher = TeacherSettings(network=network, train=train)
    augment = AugmentSettings(crops=CropSettings(), colour=0.2)
    dataset = read_dataset(results / "data.h5")
    host = own_host(results / "checkpoints", say=print)
    train_teacher(dataset, dataset_hash(dataset), teacher, augment, host)


def main(job, folder, results):
    torch.set_num_threads(1)
    # What Numba compiles and PyTorch loads at the first use is theirs.
    import numpy as np

    one = np.zeros((1, 4, 4, 3), np.uint8), np.zeros(1, np.int64)
    cropped(*one, np.array([[0, 0, 4, 4, 0]]), np.full((1, 3), 70000), (2, 2))
    images = torch.zeros(2, 3, 8, 8, requires_grad=True)
    torch.nn.Conv2d(3, 2, 3)(images).sum().backward()
    watch, started = Watch(), time.monotonic()
    {"data": data, "epoch": epoch}[job](Path(folder), Path(results))
    print(f"{time.monotonic() - started:.1f} s")
    print(watch.most - watch.started)


if __name__ == "__main__":
    main(*sys.argv[1:])
