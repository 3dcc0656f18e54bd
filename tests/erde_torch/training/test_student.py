import dataclasses
import itertools

import numpy as np
import pytest
import torch

import erde_core
from erde_core.settings import METHODS, method_settings
from erde_core.store.teacher_logits import read_teacher_logits
from erde_core.views import chosen_views
from erde_torch.loss import distillation_loss
from erde_torch.networks.rivals.network import rival_loss
from erde_torch.networks.weights import network_hash
from erde_torch.teacher_cache.fill import build_cache
from erde_torch.training import student as distill_module
from erde_torch.training.loop import seed_step
from erde_torch.training.settings import StudentSettings
from erde_torch.training.student import train_student
from erde_torch.training.teacher_answers import CachedTeacher, OnlineTeacher

CPU = torch.device("cpu")


@pytest.fixture
def teacher(make_network):
    """A network whose answers are neither uniform nor all wrong."""
    network = make_network(3)
    with torch.no_grad():
        for head in network.heads:
            head[-1].weight.mul_(4)
    return network


@pytest.fixture
def cached(tiny_dataset, tiny_hash, augment, environment, teacher, tmp_path):
    def make(views=None):
        path = tmp_path / f"cache {views}.h5"
        env = environment(folder=f"cache {views}")
        build_cache(path, tiny_dataset, tiny_hash, [teacher], augment, views, "float32", env)
        return CachedTeacher(read_teacher_logits(path), CPU)

    return make


@pytest.fixture
def train(tiny_dataset, tiny_hash, augment, environment, small_network, short_training):
    count = itertools.count()

    def run(method, seed=0, views=None, settings=(), dataset=tiny_dataset, **given):
        keys = ("epochs", "batch_size", "kd_warmup", "class_weights", "gradient_scaling")
        changes = {name: given.pop(name) for name in keys if name in given}
        student = StudentSettings(network=small_network, train=short_training(**changes))
        env = environment(folder=f"student {next(count)}")
        loss = method_settings(method, **dict(settings))
        asked = dataset, tiny_hash, student, augment, views, loss, seed, env
        return train_student(*asked, **given)

    return run


@pytest.fixture
def handed(monkeypatch):
    """What ``train_student`` hands to ``fit``, without training."""
    seen = {}

    def fit(network, data, validation, objective, run):
        seen.update(network=network, data=data, objective=objective, run=run)
        return network, []

    monkeypatch.setattr(distill_module, "fit", fit)
    return seen


CASES = {method: {} for method in METHODS} | {
    "erde, weighted": {"exit_weights": (1.0, 0.5, 0.25, 2.0), "temperature": 2.0},
    "erde, other reading": {"right_from": "last", "entropy_exits": "early", "ce_mask": "right"},
    "kd, late": {"kd_exits": "late"},
}


@pytest.mark.parametrize("case", CASES)
def test_first_step_is_the_references_loss(train, handed, cached, case):
    """Same weights, same batch: what training minimises is what ``erde_core`` defines."""
    method, settings = case.split(",")[0], method_settings(case.split(",")[0], **CASES[case])
    train(method, settings=CASES[case].items(), cached=cached() if method != "ce" else None)
    network, batch = handed["network"].train(), next(handed["data"].epoch(0, 0, 0))
    seed_step(0, 0)
    logits = network(batch.images)
    found = handed["objective"](logits, batch).item()
    rows = None if batch.teacher is None else batch.teacher.numpy()
    assert (rows is None) == (method == "ce")
    student = logits.detach().numpy().astype(np.float64)
    loss = erde_core.erde_loss(student, rows, batch.labels.numpy(), settings)
    wanted = (loss * settings.weights_of_exits(4)).sum(1).mean()
    assert found == pytest.approx(wanted, rel=1e-5)


def test_a_rival_learns_the_same_whether_gradients_are_scaled_or_not(train, cached):
    """It learns at one exit: a mean over one is what there was."""
    alone = dataclasses.asdict(rival_loss(method_settings("kd"), 4, 2))
    found = {
        kind: train("kd", settings=alone.items(), cached=cached(), epochs=1, gradient_scaling=kind)
        for kind in ("none", "equilibrium")
    }
    assert network_hash(found["none"][0]) == network_hash(found["equilibrium"][0])


LEARNING = [
    method_settings("kd", exit_weights=(1, 0, 0.5, 0)),
    method_settings("kd", kd_exits="late", ce_weight=0),
    method_settings("erde", kd_weight=0, ce_weight=0, entropy_exits="early"),
    method_settings("ce", ce_weight=0, self_weight=1, exit_weights=(0, 1, 1, 1)),
    method_settings("erde"),
]


@pytest.mark.parametrize("settings", LEARNING)
def test_exits_that_learn_are_those_whose_logits_have_a_gradient(settings):
    logits = torch.randn(8, 4, 10, requires_grad=True)
    teacher, labels = torch.randn(8, 4, 10), torch.arange(8)
    distillation_loss(logits, teacher, labels, settings).backward()
    moved = tuple(bool(gradient.any()) for gradient in logits.grad.unbind(1))
    assert settings.exits_that_learn(4) == moved


@pytest.mark.parametrize("method", ["ce", "erde"])
def test_balanced_weights_are_the_references(
    train, handed, cached, uneven_dataset, balanced, method
):
    """The cross-entropy of class c counts N / (C · n_c) times; the other terms stay."""
    answers = cached() if method != "ce" else None
    train(method, class_weights="balanced", cached=answers, dataset=uneven_dataset)
    network, batch = handed["network"].train(), next(handed["data"].epoch(0, 0, 0))
    seed_step(0, 0)
    logits = network(batch.images)
    found = handed["objective"](logits, batch).item()
    rows = None if batch.teacher is None else batch.teacher.numpy()
    settings, labels = method_settings(method), batch.labels.numpy()
    asked = logits.detach().numpy().astype(np.float64), rows, labels, settings
    wanted = erde_core.erde_loss(*asked, class_weight=balanced).sum(1).mean()
    assert found == pytest.approx(wanted, rel=1e-5)
    assert found != pytest.approx(erde_core.erde_loss(*asked).sum(1).mean(), rel=1e-3)


def test_training_starts_with_that_loss(train, handed, cached, monkeypatch):
    """One epoch of one step: the history's loss is that of the first weights."""
    rows = cached()
    train("erde", cached=rows, batch_size=120)
    network, batch = handed["network"].train(), next(handed["data"].epoch(0, 0, 0))
    seed_step(0, 0)
    wanted = handed["objective"](network(batch.images), batch).item()
    monkeypatch.undo()
    _, _, history = train("erde", cached=rows, batch_size=120, epochs=1)
    assert history[0]["train_loss"] == pytest.approx(wanted, rel=1e-5)


class Rounded(OnlineTeacher):
    """Online, with the cache's precision."""

    def __call__(self, images):
        return super().__call__(images).half()


@pytest.mark.parametrize("method", ["kd", "masked_kd", "erde"])
def test_cached_and_online_teacher_give_the_same_losses(train, cached, teacher, method):
    from_cache = train(method, cached=cached())[2]
    from_network = train(method, online=Rounded(teacher, "float32", CPU))[2]
    for row, other in zip(from_cache, from_network, strict=True):
        assert row["train_loss"] == pytest.approx(other["train_loss"], rel=1e-3)


def test_without_the_right_view_the_losses_would_differ(train, cached, teacher, tiny_dataset):
    """Rows of another view: the test above sees the fault that it is there for."""
    rows = cached()
    wrong = train("erde", cached=lambda samples, views: rows(samples, (views + 1) % 18))[2]
    right = train("erde", cached=rows)[2]
    assert abs(wrong[0]["train_loss"] - right[0]["train_loss"]) > 1e-2 * right[0]["train_loss"]


def test_a_student_that_needs_a_teacher_gets_one(train):
    with pytest.raises(ValueError, match="teacher must be given"):
        train("erde")


def test_methods_see_the_same_batches_in_the_same_order(train, handed, cached):
    """Curves are compared per seed; only the loss may differ."""
    batches, hashes = {}, {}
    for method in ("ce", "erde"):
        train(method, seed=2, views=5, cached=cached(5) if method == "erde" else None)
        batches[method] = list(handed["data"].epoch(2, 1, 0))
        hashes[method] = network_hash(handed["network"])
    for one, other in zip(*batches.values(), strict=True):
        assert torch.equal(one.images, other.images)
    assert hashes["ce"] == hashes["erde"]


def test_views_are_those_of_the_cache(train, handed, augment):
    train("ce", views=5)
    table = torch.from_numpy(chosen_views(augment.pad, augment.flip, 5))
    assert handed["data"].views == 5
    assert any(torch.equal(table, value) for value in tensors(handed["data"].images))


def tensors(thing):
    return [value for value in vars(thing).values() if isinstance(value, torch.Tensor)]


def test_seeds_differ_from_the_first_weight_on(train, handed):
    hashes = []
    for seed in (0, 1, 0):
        train("ce", seed=seed)
        hashes.append(network_hash(handed["network"]))
        assert handed["run"].seed == seed
    assert hashes[0] == hashes[2] != hashes[1]


def test_identity_tells_trainings_apart(train, handed, teacher):
    online, in_bf16 = (OnlineTeacher(teacher, p, CPU) for p in ("float32", "bf16"))
    kinds = [
        {"method": "ce"},
        {"method": "erde", "teacher_hash": "a"},
        {"method": "erde", "teacher_hash": "b"},
        {"method": "erde", "teacher_hash": "a", "online": online},
        {"method": "erde", "teacher_hash": "a", "online": in_bf16},
        {"method": "erde", "teacher_hash": "a", "settings": [("entropy_weight", 0.2)]},
        {"method": "ce", "seed": 1},
        {"method": "ce", "views": 5},
        {"method": "ce", "epochs": 3},
    ]
    identities = []
    for kind in kinds:
        train(**kind)
        identities.append(handed["run"].identity)
    assert len(set(identities)) == len(kinds)


def test_students_learn(train, cached, teacher):
    _, card, history = train("erde", cached=cached(), epochs=6)
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert card.precision == "float32"


def test_kd_weight_rises_from_nothing_over_its_epochs(train, handed, cached):
    """With α of KD at 0 the loss is cross-entropy alone; half-way, half of KD is added."""
    train("kd", cached=cached(), epochs=4, kd_warmup=2.0, batch_size=8)
    objective = handed["objective"]
    batch = next(iter(handed["data"].epoch(0, 0, 0)))
    logits = handed["network"](batch.images).detach()

    def loss(epochs_done):
        done = torch.tensor(epochs_done, dtype=torch.float64)
        return objective(logits, dataclasses.replace(batch, epochs_done=done)).item()

    found = [loss(done) for done in (0.0, 0.5, 1.0, 2.0, 3.0)]
    assert found[0] == pytest.approx(
        distillation_loss(logits, None, batch.labels, method_settings("ce")).item()
    )
    full = distillation_loss(logits, batch.teacher, batch.labels, method_settings("kd")).item()
    shares = [(value - found[0]) / (full - found[0]) for value in found]
    assert shares == pytest.approx([0, 0.25, 0.5, 1, 1], abs=1e-5)


def test_a_batch_knows_how_far_the_training_is(train, handed, cached):
    train("kd", cached=cached(), epochs=4, batch_size=8)
    data = handed["data"]
    done = [batch.epochs_done.item() for batch in data.epoch(0, 2, 1)]
    assert done == [2 + step / data.steps for step in range(1, data.steps)]
