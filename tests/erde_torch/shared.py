"""One small training in two processes, in one, and by hand."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from erde.running.training.launch import launch
from erde.running.training.training_job import Named
from erde_core.store.dataset import write_dataset
from erde_torch.memory_order import in_order, order_of_training
from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.optimisation.optimiser import learning_rate, make_optimiser
from erde_torch.training.settings import AugmentSettings, TrainSettings
from tests.erde_torch.repeated_training import EPOCHS, SEED, STEPS, Training

SCRIPT = str(Path(__file__).with_name("shared_training.py"))
AUGMENT = AugmentSettings(pad=1, flip=True)
TRAIN = {"epochs": EPOCHS, "batch_size": 24, "precision": "float32", "warmup": 0.3}


def make_network():
    torch.manual_seed(0)
    return build_network(NetworkSettings(name="resnet10", width=1 / 16), 10, (3, 16, 16))


class Shared:
    """One training in a folder of its own, in two processes or in this one."""

    def __init__(self, folder, dataset=None):
        self.folder, self.dataset = folder, dataset
        self.checkpoints = folder / "results/shared/checkpoints/shared"
        self.log = folder / "log"
        if dataset is not None:  # else it is there already
            folder.mkdir()
            write_dataset(folder / "data.h5", dataset)

    def job(self, fault=None, seconds=1e9):
        """What Snakemake hands to a script."""
        return SimpleNamespace(
            input=Named(data=str(self.folder / "data.h5")),
            output=Named(folder=str(self.folder)),
            params=Named(device="cpu", code="", train=TRAIN, fault=fault),
            wildcards=Named(experiment="shared"),
            config={"checkpoint_seconds": seconds, "students_per_gpu": 1},
            resources=Named(gpu=0),
            log=[str(self.log)],
            threads=2,
        )

    def launch(self, what=None, rank=0, step=0, seconds=1e9):
        fault = what and {"what": what, "rank": rank, "step": step}
        here = os.getcwd()
        os.chdir(self.folder)  # the checkpoint's path is relative
        try:
            launch(self.job(fault, seconds), SCRIPT, 2, 1)
        finally:
            os.chdir(here)

    def alone(self, say=print):
        made = self.dataset, AUGMENT, make_network, TrainSettings(**TRAIN)
        return Training(*made, self.checkpoints, say)

    def result(self):
        history = json.loads((self.folder / "history.json").read_text())
        for row in history:
            del row["seconds"]
        return load_file(self.folder / "network.safetensors"), history

    def losses(self):
        """Of each step, by process."""
        files = [self.folder / f"losses{rank}.json" for rank in (0, 1)]
        return np.array([json.loads(file.read_text()) for file in files])


def by_hand(dataset, processes_of_steps):
    """Weights and losses ``(steps, processes)`` when one process does the work of them all.

    Each share of a batch goes through a network of its own with the same weights, so that each has
    its own statistics for batch norm; the optimiser takes the mean of their gradients.
    """
    settings = TrainSettings(**TRAIN)
    parts = dataset, AUGMENT, make_network, settings
    data = Training(*parts, None, print).data
    networks = [make_network().train() for _ in range(2)]
    order = order_of_training(networks[0], (16, 16), torch.device("cpu"))
    forwards = [in_order(network.to(memory_format=order), order) for network in networks]
    optimiser, losses = make_optimiser(networks[0], settings), []
    for step, processes in enumerate(processes_of_steps):
        epoch, first_step = divmod(step, STEPS)
        batch = next(data.epoch(SEED, epoch, first_step))
        shares = zip(batch.images.chunk(processes), batch.labels.chunk(processes), strict=True)
        losses.append([])
        for rank, (images, labels) in enumerate(shares):
            words = (SEED, step + 1, rank) if rank else (SEED, step + 1)
            seed = np.random.SeedSequence(words).generate_state(1, np.uint64)
            torch.manual_seed(int(seed[0]))
            networks[rank].zero_grad()
            logits = forwards[rank](images)
            loss = sum(F.cross_entropy(logits[:, e], labels) for e in range(4)) / 4
            loss.backward()
            losses[-1].append(loss.item())
        for own, *others in zip(*(n.parameters() for n in networks[:processes]), strict=True):
            own.grad = sum((other.grad for other in others), own.grad) / processes
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(settings, step, EPOCHS * STEPS)
        optimiser.step()
        with torch.no_grad():
            for own, other in zip(*(n.parameters() for n in networks), strict=True):
                other.copy_(own)
    return networks[0].state_dict(), losses
