"""Loss and gradient against PyTorch, and against merely copying the three arrays they touch."""

import numba
import numpy as np
import pytest
import torch

from benchmarks.conftest import CLASSES, EXITS, SAMPLES, THREADS
from erde_core import LossSettings, fast, method_settings
from erde_torch.loss import erde_loss
from tests.twins import loss_arguments

GROUP = "erde_loss_and_gradient"


@pytest.fixture
def arguments(rng):
    return loss_arguments(rng, SAMPLES, exits=EXITS, classes=CLASSES)


def test_copy_by_numpy(arguments, timed):
    sources, targets = three_arrays(arguments)

    def copy():
        for source, target in zip(sources, targets, strict=True):
            np.copyto(target, source)

    timed(copy, group=GROUP, name="copy of the three arrays, NumPy", rounds=30)


def test_copy_to_new_arrays(arguments, timed):
    sources, _ = three_arrays(arguments)
    name = "copy of the three arrays to new ones, NumPy"
    timed(lambda: [source.copy() for source in sources], group=GROUP, name=name, rounds=30)


def test_copy_by_threads(arguments, timed):
    sources, targets = three_arrays(arguments)
    name = "copy of the three arrays, Numba"
    timed(copy_in_threads, *sources, *targets, group=GROUP, name=name, threads=THREADS, rounds=30)


def test_gradient_into_an_array(arguments, timed):
    out = np.ones_like(arguments[0])
    timed(
        lambda: fast.erde_loss_and_gradient(*arguments, out=out),
        group=GROUP,
        name="compiled twin, gradient into an array that exists",
        threads=THREADS,
        rounds=30,
    )


def test_pytorch_with_autograd(arguments, timed):
    student, teacher, labels = (torch.from_numpy(array) for array in arguments[:3])

    def loss_and_gradient():
        leaf = student.detach().requires_grad_()
        erde_loss(leaf, teacher, labels, arguments[3]).sum().backward()
        return leaf.grad

    timed(loss_and_gradient, group=GROUP, name="PyTorch eager, autograd", threads=THREADS, rounds=5)


@pytest.mark.parametrize("mask", ["right", "all"])
def test_loss_and_gradient_by_teacher(arguments, timed, mask):
    """The extremes of work: KD, with two of three exponentials, on no row or on every row."""
    student, teacher, labels, _ = arguments
    settings = LossSettings(kd_mask=mask)
    if mask == "right":
        labels = (teacher[:, -1].argmax(1) + 1) % CLASSES
        settings = LossSettings(right_from="last")
    where = {"right": "nowhere", "all": "everywhere"}[mask]
    name, function = f"compiled twin, KD {where}", fast.erde_loss_and_gradient
    timed(function, student, teacher, labels, settings, group=GROUP, name=name, threads=THREADS)


FORMS = {
    "dkd": method_settings("dkd"),
    "kd_ls": method_settings("kd_ls"),
    "erde and self_weight": LossSettings(self_weight=1.0),
    "every term": LossSettings(
        kd_mask="all", standardise=True, decoupled=(1.0, 8.0), self_weight=1.0, temperature=2.0
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_other_forms(arguments, timed, name):
    function, given = fast.erde_loss_and_gradient, (*arguments[:3], FORMS[name])
    timed(function, *given, group=GROUP, name=f"compiled twin, {name}", threads=THREADS, rounds=10)


def three_arrays(arguments):
    """Student, teacher and something of a gradient's size, and where to copy them."""
    sources = [arguments[0], arguments[1], np.ones_like(arguments[0])]
    return sources, [np.ones_like(source) for source in sources]


@numba.njit(parallel=True)
def copy_in_threads(student, teacher, gradient, to_student, to_teacher, to_gradient):
    for n in numba.prange(len(student)):
        to_student[n] = student[n]
        to_teacher[n] = teacher[n]
        to_gradient[n] = gradient[n]
