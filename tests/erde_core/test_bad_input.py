"""Wrong arguments: one ValueError with name, rule and value; the twin says it in the same words."""

import re

import numpy as np
import pytest

import erde_core
from erde_core import LossSettings, fast, method_settings

STUDENT = np.zeros((4, 3, 5))
LABELS = np.zeros(4, dtype=np.int64)
ENTROPY = np.full((4, 3), 0.5)
CORRECT = np.zeros((4, 3), dtype=bool)
MACS = np.array([1, 2, 3])
ERDE = LossSettings()


def loss(student=STUDENT, teacher=STUDENT, labels=LABELS, settings=ERDE):
    return student, teacher, labels, settings


def points(entropy=ENTROPY, correct=CORRECT, macs=MACS, classes=5):
    return entropy, correct, macs, classes


LOSSES = [
    (loss(student=STUDENT[0]), r"student must have 3 axes, got shape (3, 5)"),
    (
        loss(student=LABELS[:, None, None]),
        "student must be a floating-point array, got dtype int64",
    ),
    (loss(student=STUDENT[:, :0]), "student must have at least one exit and class, got shape"),
    (loss(student=STUDENT[:, :, :0]), "at least one exit and class, got shape (4, 3, 0)"),
    (loss(teacher=STUDENT[:3]), "teacher must have the shape of student, got (3, 3, 5) and (4"),
    (loss(teacher=STUDENT[:, :2]), "teacher must have the shape of student, got (4, 2, 5) and (4"),
    (loss(teacher=STUDENT.astype(int)), "teacher must be a floating-point array, got dtype int64"),
    (loss(teacher=None), "teacher must be given for these settings, got None"),
    (loss(labels=LABELS[:3]), "labels must have shape (4,), got (3,)"),
    (loss(labels=LABELS[:, None]), "labels must have shape (4,), got (4, 1)"),
    (loss(labels=LABELS.astype(float)), "labels must be an integer array, got dtype float64"),
    (loss(labels=np.array([0, 1, 5, 6])), "labels must lie in 0 … 4, got 5"),
    (loss(labels=np.array([0, 1, -2, 3])), "labels must lie in 0 … 4, got -2"),
    (
        loss(*(STUDENT[..., :1],) * 2, settings=LossSettings(entropy_scale="log_c")),
        "entropy_scale 'log_c' needs at least 2 classes, got 1",
    ),
]
FROM_LAST = LossSettings(right_from="last", target_from="last")
LOSSES += [
    (
        loss(*(STUDENT[..., :1],) * 2, settings=LossSettings(standardise=True)),
        "standardise needs at least 2 classes, got 1",
    ),
    (
        loss(*(STUDENT[..., :2],) * 2, settings=LossSettings(decoupled=(1, 8))),
        "decoupled needs at least 3 classes, got 2",
    ),
    (
        loss(teacher=STUDENT[:, :2], settings=LossSettings(right_from="last")),
        "(4, 2, 5) and (4, 3, 5): another number of exits needs target_from and right_from 'last'",
    ),
    (
        loss(teacher=STUDENT[:, :2, :4], settings=FROM_LAST),
        "teacher must have the shape of student, got (4, 2, 4) and (4, 3, 5)",
    ),
]
CALLS = [(name, *case) for name in ("erde_loss", "erde_loss_and_gradient") for case in LOSSES]
OUTPUTS = [
    (STUDENT[:3].copy(), "out must have the shape of student, got (3, 3, 5) and (4, 3, 5)"),
    (STUDENT.tolist(), "out must be a float32 or float64 array, got list"),
    (STUDENT.astype(np.float16), "out must be a float32 or float64 array, got dtype float16"),
    (np.asfortranarray(STUDENT), "out must be contiguous and writable, got strides (8, 32, 96)"),
    (np.broadcast_to(0.0, STUDENT.shape), "out must be contiguous and writable, got strides (0, 0"),
    (STUDENT, "out must not overlap student or teacher, got an array that does"),
]
CALLS += [("erde_loss_and_gradient", (*loss(), out), words) for out, words in OUTPUTS]
for _temperature in (1e-4, 1e4, 1e8, 1e100):
    _words = f"temperature must lie in 0.001 … 100, got {_temperature!r}"
    CALLS.append(("kd_divergence", (STUDENT, STUDENT, _temperature), _words))
CALLS += [
    ("cross_entropy", (STUDENT, LABELS + 5), "labels must lie in 0 … 4, got 5"),
    ("teacher_right", (STUDENT, LABELS[1:]), "labels must have shape (4,), got (3,)"),
    ("negative_entropy", (STUDENT[0],), "student must have 3 axes, got shape (3, 5)"),
    ("kd_divergence", (STUDENT, STUDENT[1:], 4.0), "got (3, 3, 5) and (4, 3, 5)"),
    ("kd_divergence", (STUDENT, STUDENT, 0.0), "temperature must be a finite number > 0, got 0.0"),
    ("kd_divergence", (STUDENT, STUDENT, np.nan), "temperature must be a finite number > 0, got"),
    ("kd_divergence", (STUDENT, STUDENT, 10**400), "temperature must be a finite number > 0, got"),
    ("exit_indices", (ENTROPY[0], 0.5), "score must have 2 axes, got shape (3,)"),
    ("exit_indices", (ENTROPY - 1, 0.5), "score must be >= 0 or NaN, got -0.5"),
    ("exit_indices", (ENTROPY[:, :0], 0.5), "got shape (4, 0)"),
    (
        "exit_indices",
        (ENTROPY, [1.0]),
        "thresholds must be one number or have shape (2,), got (1,)",
    ),
    ("exit_indices", (ENTROPY, [1.0] * 3), "one number or have shape (2,), got (3,)"),
    ("exit_indices", (ENTROPY, [[1.0, 1.0]]), "one number or have shape (2,), got (1, 2)"),
    ("exit_indices", (ENTROPY, -0.1), "thresholds must be >= 0, got -0.1"),
    ("exit_indices", (ENTROPY, [1.0, np.nan]), "thresholds must be >= 0, got [1.0, nan]"),
    ("sweep", points(entropy=ENTROPY[0]), "score must have 2 axes, got shape (3,)"),
    ("sweep", points(entropy=ENTROPY - 1), "score must be >= 0 or NaN, got -0.5"),
    ("sweep", points(entropy=ENTROPY + 3), "score must be below 2 log(classes) = 3.218"),
    ("sweep", points(entropy=ENTROPY + np.inf), "score must be below 2 log(classes)"),
    (
        "sweep",
        points(correct=CORRECT[:3]),
        "correct must have the shape of score, got (3, 3) and",
    ),
    ("sweep", points(correct=ENTROPY), "correct must be a boolean array, got dtype float64"),
    ("sweep", points(macs=MACS[:2]), "macs must have shape (3,), got (2,)"),
    ("sweep", points(macs=MACS[::-1]), "macs must be >= 0 and never decrease, got [3, 2, 1]"),
    ("sweep", points(macs=MACS - 2), "macs must be >= 0 and never decrease, got [-1, 0, 1]"),
    (
        "sweep",
        points(macs=np.array([2**63], np.uint64).repeat(3)),
        "macs must be below 2^63, got 9",
    ),
    (
        "sweep",
        points(macs=np.array([1, 2, 2**61])),
        f"macs of the last exit times the images must be below 2^63, got {2**61} times 4",
    ),
    ("sweep", points(macs=MACS * 1.0), "macs must be an integer array, got dtype float64"),
    ("sweep", points(classes=1), "classes must be a whole number >= 2, got 1"),
    ("sweep", points(classes=np.nan), "classes must be a whole number >= 2, got nan"),
]


def message(function, arguments):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the words are compared below
        function(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(("name", "arguments", "words"), CALLS)
def test_reference_and_twin_refuse_in_the_same_words(name, arguments, words):
    found = message(getattr(erde_core, name), arguments)
    assert words in found
    assert "\n" not in found
    assert message(getattr(fast, name), arguments) == found


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (np.ones(4), "class_weight must have shape (5,), got (4,)"),
        (np.ones((5, 1)), "class_weight must have shape (5,), got (5, 1)"),
        (np.ones(5, dtype=int), "class_weight must be a floating-point array, got dtype int64"),
        (np.array([1, 1, -1.0, 1, 1]), "class_weight must hold finite numbers >= 0, got -1.0"),
        (np.array([1, np.nan, 1, 1, 1]), "class_weight must hold finite numbers >= 0, got nan"),
        (np.array([1, np.inf, 1, 1, 1]), "class_weight must hold finite numbers >= 0, got inf"),
    ],
)
@pytest.mark.parametrize("name", ["erde_loss", "erde_loss_and_gradient"])
@pytest.mark.parametrize("package", [erde_core, fast], ids=["reference", "fast"])
def test_class_weights_are_one_number_per_class(package, name, weight, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        getattr(package, name)(*loss(), class_weight=weight)


def test_a_budget_must_be_a_number():
    curve = erde_core.sweep(*points())
    with pytest.raises(ValueError, match=r"macs must be numbers, got \[1.0, nan\]"):
        erde_core.accuracy_at(curve, [1.0, np.nan])


def test_the_same_shape_in_float_types_of_all_kinds_is_accepted():
    arguments = loss(STUDENT.astype(np.float16), STUDENT.astype(np.float32))
    assert erde_core.erde_loss(*arguments).shape == (4, 3)
    assert erde_core.erde_loss(STUDENT, None, LABELS, method_settings("ce")).shape == (4, 3)
