"""A workflow script in small: what every process runs in the tests of several processes.

``snakemake.params.fault`` names the process (by rank) and the step of its run (the first is 1) in
which something happens, and what.
"""

import json
import os
import signal
import time
from pathlib import Path

from safetensors.torch import save_file

from erde.running.training.training_script import run_training
from erde_core.store.dataset import read_dataset
from erde_torch.training.settings import TrainSettings
from tests.erde_torch.repeated_training import Training, cross_entropy
from tests.erde_torch.shared import AUGMENT, make_network

params, output = snakemake.params, Path(snakemake.output.folder)  # noqa: F821


def killed(loss):
    os.kill(os.getpid(), signal.SIGKILL)


def asked(loss):
    for _ in range(2):  # by the scheduler, and by the launcher that it has asked too
        os.kill(os.getpid(), signal.SIGTERM)
    return loss


def launcher_asked(loss):
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(0.3)  # in which the launcher passes it on
    return loss


def held(loss):
    (output / "held").write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(600)


FAULTS = {
    "not a number": lambda loss: loss * float("nan"),
    "killed": killed,
    "asked": asked,
    "launcher asked": launcher_asked,
    "held": held,
}


def train(host):
    losses, fault = [], params.fault

    def objective(logits, batch):
        loss = cross_entropy(logits, batch)
        losses.append(loss.item())
        if fault and [fault["rank"], fault["step"]] == [host.processes.rank, len(losses)]:
            return FAULTS[fault["what"]](loss)
        return loss

    dataset, settings = read_dataset(snakemake.input.data), TrainSettings(**params.train)  # noqa: F821
    made = dataset, AUGMENT, make_network, settings
    training = Training(*made, host.folder, host.say, host.processes)
    network, history = training.start(objective, seconds=host.checkpoint_seconds)
    name = f"losses{host.processes.rank}.json"
    (output / name).write_text(json.dumps(losses), encoding="utf-8")
    if host.processes.first:
        state = {name: t.contiguous() for name, t in network.state_dict().items()}
        save_file(state, output / "network.safetensors")
        (output / "history.json").write_text(json.dumps(history), encoding="utf-8")


run_training(snakemake, __file__, "shared", "student", train)  # noqa: F821
