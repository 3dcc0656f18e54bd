"""A training that tests start again and again, each time as a new process would."""

import os
import random
import signal

import torch
from torch.nn import functional as F

from erde_core.views import all_views
from erde_torch.training.data import training_set, validation_set, viewed_train_images
from erde_torch.training.identity import Identity
from erde_torch.training.loop import Run, fit
from erde_torch.training.processes import ALONE
from tests.hosts import own_host

CPU = torch.device("cpu")
EPOCHS, STEPS, SEED = 3, 5, 5


def cross_entropy(logits, batch):
    return F.cross_entropy(logits.flatten(0, 1), batch.labels.repeat_interleave(4))


class Training:
    def __init__(self, dataset, augment, make_network, train, folder, say, processes=ALONE):
        images = viewed_train_images(dataset, augment, all_views(1, True), CPU)
        size = train.batch_size
        self.data = training_set(dataset, images, 18, size, CPU, processes=processes)
        self.processes = processes
        self.validation = validation_set(dataset, CPU)
        self.make_network, self.train, self.folder, self.say = make_network, train, folder, say

    def start(self, objective=cross_entropy, precision="float32", seconds=1e9, identity="identity"):
        host = own_host(self.folder, "code", seconds, self.say, self.processes)
        run = Run(self.train, SEED, precision, Identity.of({"name": identity}), host)
        network = self.make_network()
        torch.manual_seed(random.randrange(2**31))  # nothing may depend on what came before
        return fit(network, self.data, self.validation, objective, run)


def at_step(step, action):
    """Cross-entropy that does ``action`` in that step of a run (the first is 1)."""
    done = []

    def objective(logits, batch):
        done.append(step)
        loss = cross_entropy(logits, batch)
        return action(loss) if len(done) == step else loss

    return objective


def terminate(loss):
    os.kill(os.getpid(), signal.SIGTERM)
    return loss


def content(result):
    """Weights and history without the clock."""
    network, history = result
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history]
    return {name: t.clone() for name, t in network.state_dict().items()}, rows


def assert_same(found, wanted):
    for name, tensor in wanted[0].items():
        assert torch.equal(found[0][name], tensor), name
    assert found[1] == wanted[1]
