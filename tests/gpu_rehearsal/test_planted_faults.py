"""The rehearsal notices mistakes of the kinds that only a GPU would show: each is planted once."""

import contextlib
import dataclasses

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from erde_torch import loss as loss_module
from erde_torch.networks.staged import Predictions, StagedNetwork
from erde_torch.networks.viewed_images import ViewedImages
from erde_torch.training import checkpoint, loop, student, teacher_answers
from erde_torch.training.optimisation import step
from erde_torch.training.optimisation.average import WeightAverage
from erde_torch.training.optimisation.losses import KeptLosses
from erde_torch.training.teacher_answers import CachedTeacher
from tests.erde_torch.deployable import random_network
from tests.gpu_rehearsal.jobs import Jobs, assert_same_bits, bits
from tests.gpu_rehearsal.pretended_gpu import CPU, GPU, MixedDevicesError, pretended_gpu

REFUSED, WAITS, BITS = "refused", "waits", "other bits"
FORM = {"ema_decay": 0.5, "precision": "bf16", "batch_size": 24, "epochs": 1}


@pytest.fixture(scope="module")
def rehearse(logits, tmp_path_factory):
    """``rehearse()``: what is noticed of one training and one batch of staged inference."""
    jobs = Jobs(CPU, tmp_path_factory.mktemp("cpu"))
    wanted = bits(jobs.student(cached=jobs.rows(logits), **FORM))
    usual = _tried(logits, wanted, 10**9, tmp_path_factory.mktemp("right"))[1]

    def run():
        return _tried(logits, wanted, usual, tmp_path_factory.mktemp("gpu"))[0]

    return run


def _tried(logits, wanted, usual, folder):
    with pretended_gpu() as waits:
        jobs = Jobs(GPU, folder)
        try:
            trained = jobs.student(cached=jobs.rows(logits), **FORM)
            StagedNetwork(random_network(), GPU).predict(torch.ones(8, 3, 16, 16).to(GPU), 1.0)
        except (MixedDevicesError, TypeError):
            return REFUSED, 0
        total = waits.total()
        try:
            assert_same_bits(bits(trained), wanted)
        except AssertionError:
            return BITS, total
    return WAITS if total > usual else "nothing", total


def instead(owner, name, value):
    return lambda patch: patch.setattr(owner, name, value)


def around(owner, name, change):
    """``change(function, *arguments)`` takes the place of the function."""
    function = getattr(owner, name)
    return instead(owner, name, lambda *a, **k: change(function, *a, **k))


def read_first(kept, losses, loss, signal):
    loss.item()
    return kept(losses, loss, signal)


def labels_on_the_cpu(make, *arguments, **more):
    made = make(*arguments, **more)
    return dataclasses.replace(made, labels=made.labels.cpu())


def weights_of_exits_copied(total, logits, *arguments, **more):
    return total(logits, *arguments, **more) * torch.tensor([1.0], device=logits.device)[0]


def masked(weight, term):
    """The same values as ``erde_torch.loss._weighted``, found by a mask."""
    chosen, result = weight != 0, torch.zeros_like(term)
    result[chosen] = (weight * term)[chosen]
    return result


class PyTorchsAverage:
    """What ``WeightAverage`` replaced."""

    def __init__(self, network, decay):
        self._network = network
        rule = get_ema_multi_avg_fn(decay)
        self._average = AveragedModel(network, multi_avg_fn=rule, use_buffers=True)
        self.module = self._average.module

    def update(self):
        self._average.update_parameters(self._network)

    def tensors(self):
        return self._average.state_dict()

    def restore(self, tensors):
        self._average.load_state_dict(tensors)


def left_by_masks(self, features, limits):
    """Staged inference as one would write it first."""
    waiting = torch.arange(len(features), device=self.device)
    taken = torch.empty_like(waiting)
    for index, (stage, limit) in enumerate(zip(self.stages, limits, strict=True)):
        _, entropy, features = stage(features)
        leaves = entropy < limit
        taken[waiting[leaves]] = index
        waiting, features = waiting[~leaves], features[~leaves]
        if not len(waiting):
            break
    return Predictions(taken, taken, taken)


def only_the_cpus_generator(seed, step, rank=0, device=CPU):
    loop_seed(seed, step, rank)


loop_seed = loop.seed_step
FAULTS = {
    "labels stay on the CPU": (around(student, "training_set", labels_on_the_cpu), REFUSED),
    "the cache's rows stay on the CPU": (
        around(CachedTeacher, "__call__", lambda rows, *asked: rows(*asked).cpu()),
        REFUSED,
    ),
    "a constant of the images is made on the CPU": (
        around(ViewedImages, "batch", lambda batch, *asked: batch(*asked) * torch.ones(1)),
        REFUSED,
    ),
    "a step turns a tensor into NumPy": (
        around(KeptLosses, "take", lambda take, s, loss, n: take(s, loss, int(loss.numpy() > 0))),
        REFUSED,
    ),
    "each loss is read": (around(KeptLosses, "take", read_first), WAITS),
    "indices come from pageable memory": (
        instead(teacher_answers, "sent", lambda values, device: values.to(device)),
        WAITS,
    ),
    "indices stay on the CPU": (
        instead(teacher_answers, "sent", lambda values, device: values),
        WAITS,
    ),
    "a setting is copied in every step": (
        around(student, "distillation_loss", weights_of_exits_copied),
        WAITS,
    ),
    "the loss chooses by a mask": (instead(loss_module, "_weighted", masked), WAITS),
    "the average reads its counter": (
        instead(checkpoint, "WeightAverage", PyTorchsAverage),
        WAITS,
    ),
    "staged inference chooses by masks": (instead(StagedNetwork, "_predict", left_by_masks), WAITS),
    "the average stands still": (instead(WeightAverage, "update", lambda self: None), BITS),
    "only the CPU's generator is seeded": (
        instead(loop, "seed_step", only_the_cpus_generator),
        BITS,
    ),
    "the precision is lost": (
        instead(step, "autocast", lambda *_: contextlib.nullcontext()),
        BITS,
    ),
    "the guard skips good steps": (
        around(KeptLosses, "take", lambda take, s, *a: (take(s, *a), s._bad.fill_(1))[0]),
        BITS,
    ),
}


def test_the_code_as_it_is_passes(rehearse):
    assert rehearse() == "nothing"


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_noticed(name, rehearse, monkeypatch):
    plant, noticed = FAULTS[name]
    plant(monkeypatch)
    assert rehearse() == noticed
