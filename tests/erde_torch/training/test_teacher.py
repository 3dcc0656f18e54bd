import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from erde_core.folds import fold_of_samples
from erde_core.store.dataset import write_dataset
from erde_torch.networks.weights import network_hash
from erde_torch.training import teacher as teacher_module
from erde_torch.training.batches import Batch
from erde_torch.training.settings import TeacherSettings
from erde_torch.training.teacher import train_teacher

CPU = torch.device("cpu")


@pytest.fixture
def train(tiny_dataset, tiny_hash, augment, environment, small_network, short_training):
    def run(fold=None, folds=1, seed=0, folder="checkpoints", dataset=tiny_dataset, **changes):
        settings = short_training(**changes)
        teacher = TeacherSettings(network=small_network, train=settings, folds=folds, seed=seed)
        host = environment(folder=folder)
        return train_teacher(dataset, tiny_hash, teacher, augment, host, fold)

    return run


@pytest.fixture
def handed(monkeypatch):
    """What ``train_teacher`` hands to ``fit``, without training."""
    seen = {}

    def fit(network, data, validation, objective, run):
        seen.update(network=network, data=data, objective=objective, run=run)
        return network, []

    monkeypatch.setattr(teacher_module, "fit", fit)
    return seen


def test_network_card_and_history(train, tiny_dataset, tiny_hash):
    network, card, history = train(epochs=6, learning_rate=0.1)
    assert len(history) == 6
    assert history[-1]["val_accuracy_exit0"] > 0.5  # of 10 classes; the first exit learns first
    assert card.dataset == tiny_hash
    assert card.precision == "float32"
    assert network_hash(network) != network_hash(card.build())


def test_fold_teacher_never_sees_its_fold(train, handed, tiny_dataset):
    labels, groups = tiny_dataset.train.labels, tiny_dataset.train.group
    folds = fold_of_samples(labels, groups, 3)
    for fold in range(3):
        train(fold, folds=3)
        came = handed["data"].samples
        assert set(folds[came]) == {0, 1, 2} - {fold}
        assert len(came) == (folds != fold).sum()


def test_without_a_fold_all_samples_come_in_all_views(train, handed):
    train()
    np.testing.assert_array_equal(handed["data"].samples, np.arange(120))
    assert handed["data"].views == 18
    assert handed["data"].rows is None


def test_fold_teachers_have_seeds_of_their_own(train, handed):
    seeds = []
    for fold in (None, 0, 1):
        train(fold, folds=2, seed=4)
        seeds.append(handed["run"].seed)
    assert len(set(seeds)) == 3
    assert seeds[0] == 4


def test_seed_decides_the_first_weights(train, handed):
    hashes = []
    for seed in (0, 1, 0):
        train(seed=seed)
        hashes.append(network_hash(handed["network"]))
    assert hashes[0] == hashes[2] != hashes[1]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_objective_is_torchs_cross_entropy_summed_over_exits(train, handed, smoothing):
    train(label_smoothing=smoothing)
    logits, labels = torch.randn(6, 4, 10), torch.arange(6)
    found = handed["objective"](logits, Batch(None, labels, None, None))
    each = [F.cross_entropy(logits[:, e], labels, label_smoothing=smoothing) for e in range(4)]
    torch.testing.assert_close(found, sum(each))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_balanced_weights_are_the_references(train, handed, uneven_dataset, balanced, smoothing):
    """The cross-entropy of class c counts N / (C · n_c) times at every exit."""
    train(label_smoothing=smoothing, class_weights="balanced", dataset=uneven_dataset)
    logits = torch.randn(10, 4, 10, generator=torch.Generator().manual_seed(0))
    labels = np.arange(10)
    found = handed["objective"](logits, Batch(None, torch.from_numpy(labels), None, 0.0)).item()
    log_p = logits.double().log_softmax(-1).numpy()
    target = (1 - smoothing) * np.eye(10) + smoothing / 10
    each = -(log_p * target[:, None]).sum(-1)
    assert found == pytest.approx((balanced[labels, None] * each).sum(1).mean(), rel=1e-5)
    assert found != pytest.approx(each.sum(1).mean(), rel=1e-3)


def test_identity_tells_trainings_apart(train, handed):
    train()
    identities = {handed["run"].identity}
    folds = [{"fold": 0, "folds": 2}, {"fold": 1, "folds": 2}]
    for change in (*folds, {"seed": 1}, {"epochs": 3}, {"threads": 2}):
        train(**change)
        identities.add(handed["run"].identity)
    assert len(identities) == 6


def test_threads_are_those_of_the_experiment(train, handed):
    train(threads=2)
    assert torch.get_num_threads() == 2


TRAINS = """
import sys
from pathlib import Path
import torch
from erde_core.store.dataset import dataset_hash, read_dataset
from tests.hosts import own_host
from erde_torch.training.settings import AugmentSettings, TeacherSettings, TrainSettings
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.teacher import train_teacher

dataset = read_dataset(sys.argv[1])
train = TrainSettings(epochs=int(sys.argv[3]), batch_size=24, precision="float32", ema_decay=0.9)
teacher = TeacherSettings(network=NetworkSettings(name="resnet10", width=1 / 16), train=train)
say = lambda text: print(text, flush=True)
host = own_host(Path(sys.argv[2]), say=say)
train_teacher(dataset, dataset_hash(dataset), teacher, AugmentSettings(pad=1, flip=True), host)
"""


def test_sigterm_from_outside_loses_nothing(train, tiny_dataset, tmp_path, said):
    """Another process is stopped while it trains; this one goes on where it was."""
    wanted = network_hash(train(epochs=8, ema_decay=0.9, folder="quiet")[0])
    write_dataset(tmp_path / "data.h5", tiny_dataset)
    command = [sys.executable, "-c", TRAINS, tmp_path / "data.h5", tmp_path / "stopped", 8]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    process.stdout.readline()  # the first epoch is done
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert told.splitlines()[-1] == "stopped by SIGTERM; the checkpoint is saved"
    said.clear()
    network, _, history = train(epochs=8, ema_decay=0.9, folder="stopped")
    assert said[0].startswith("resuming in epoch ")
    assert len(history) == 8
    assert network_hash(network) == wanted
