"""The loss and its gradient: by hand, by definition, by numerical derivative, on awkward input."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

import erde_core.fast
from erde_core import (
    LossSettings,
    cross_entropy,
    erde_loss,
    erde_loss_and_gradient,
    kd_divergence,
    method_settings,
    negative_entropy,
    teacher_right,
)

pytestmark = pytest.mark.filterwarnings("error")

CHOICES = {
    "kd_mask": ("right", "all"),
    "ce_mask": ("all", "right"),
    "entropy_exits": ("all", "early"),
    "entropy_scale": ("nats", "log_c"),
    "right_from": ("exit", "last"),
}
COMBINATIONS = [
    LossSettings(temperature=tau, ce_weight=0.9, kd_weight=0.7, entropy_weight=0.4, **settings)
    for tau, words in zip(
        itertools.cycle((0.5, 1.0, 4.0, 20.0)), itertools.product(*CHOICES.values()), strict=False
    )
    for settings in [dict(zip(CHOICES, words, strict=True))]
]


def arguments(samples=12, exits=3, classes=5, seed=0):
    """Student, teacher, labels; the teacher's exits are right about half of the time."""
    rng = np.random.default_rng(seed)
    student, teacher = 2 * rng.standard_normal((2, samples, exits, classes))
    labels = rng.integers(classes, size=samples)
    teacher[rng.random((samples, exits)) < 0.5, :] *= 0.1
    teacher[np.arange(samples), :, labels] += 1.5
    return student, teacher, labels


def loss_by_definition(student, teacher, labels, settings):
    """Section by section as the formula reads, one row at a time, in plain Python."""
    samples, exits, classes = student.shape
    loss = np.empty((samples, exits))
    for n, e in np.ndindex(samples, exits):
        decider = exits - 1 if settings.right_from == "last" else e
        answer = list(teacher[n, decider]).index(max(teacher[n, decider]))
        right = answer == labels[n]
        p, tau = probabilities(student[n, e], 1), settings.temperature
        soft, target = probabilities(student[n, e], tau), probabilities(teacher[n, e], tau)
        loss[n, e] = 0
        if right or settings.ce_mask == "all":
            loss[n, e] -= settings.ce_weight * math.log(p[labels[n]])
        if right or settings.kd_mask == "all":
            pairs = zip(target, soft, strict=True)
            divergence = sum(q * math.log(q / s) for q, s in pairs)
            loss[n, e] += settings.kd_weight * tau**2 * divergence
        if not right and not (settings.entropy_exits == "early" and e == exits - 1):
            scale = math.log(classes) if settings.entropy_scale == "log_c" else 1
            loss[n, e] += settings.entropy_weight * sum(x * math.log(x) for x in p) / scale
    return loss


def probabilities(row, temperature):
    powers = [math.exp(x / temperature) for x in row]
    return [power / sum(powers) for power in powers]


def numerical_gradient(loss, student, step=1e-5):
    """Central differences, class by class."""
    gradient = np.empty_like(student)
    for c in range(student.shape[2]):
        shift = step * (np.arange(student.shape[2]) == c)
        gradient[..., c] = (loss(student + shift) - loss(student - shift)) / (2 * step)
    return gradient


def test_terms_by_hand():
    student = np.log([[[1.0, 3.0]]])  # p = 1/4, 3/4
    assert cross_entropy(student, [0]).item() == pytest.approx(math.log(4), rel=1e-15)
    assert cross_entropy(student, [1]).item() == pytest.approx(math.log(4 / 3), rel=1e-15)
    entropy = -(1 / 4 * math.log(1 / 4) + 3 / 4 * math.log(3 / 4))
    assert negative_entropy(student).item() == pytest.approx(-entropy, rel=1e-15)
    teacher = np.log([[[4.0, 1.0]]])  # q = 4/5, 1/5
    divergence = 4 / 5 * math.log(16 / 5) + 1 / 5 * math.log(4 / 15)
    for tau in (0.5, 1.0, 4.0):
        found = kd_divergence(tau * student, tau * teacher, tau).item()
        assert found == pytest.approx(tau**2 * divergence, rel=1e-14)


def test_gradients_by_hand():
    student, teacher, labels = np.log([[[1.0, 3.0]]]), np.log([[[4.0, 1.0]]]), [0]
    _, slope = erde_loss_and_gradient(student, None, labels, method_settings("ce"))
    assert slope.ravel() == pytest.approx([-3 / 4, 3 / 4], rel=1e-15)
    kd = LossSettings(temperature=4, ce_weight=0, entropy_weight=0)
    _, slope = erde_loss_and_gradient(4 * student, 4 * teacher, labels, kd)
    assert slope.ravel() == pytest.approx([4 * (1 / 4 - 4 / 5), 4 * (3 / 4 - 1 / 5)], rel=1e-14)
    ent = LossSettings(ce_weight=0, kd_weight=0, entropy_weight=2)
    _, slope = erde_loss_and_gradient(student, -teacher, labels, ent)
    expected = 2 * 1 / 4 * (math.log(1 / 4) - (math.log(1 / 4) + 3 * math.log(3 / 4)) / 4)
    assert slope.ravel() == pytest.approx([expected, -expected], rel=1e-14)


@pytest.mark.parametrize("settings", COMBINATIONS)
def test_every_combination_of_settings(settings):
    student, teacher, labels = arguments()
    loss, gradient = erde_loss_and_gradient(student, teacher, labels, settings)
    assert loss == pytest.approx(loss_by_definition(student, teacher, labels, settings), rel=1e-12)
    assert np.array_equal(erde_loss(student, teacher, labels, settings), loss)
    numerical = numerical_gradient(lambda s: erde_loss(s, teacher, labels, settings), student)
    assert gradient == pytest.approx(numerical, abs=1e-7)


@pytest.mark.parametrize(
    "term",
    [
        (lambda s, t, y: cross_entropy(s, y), {"ce_weight": 1.0}),
        (lambda s, t, y: kd_divergence(s, t, 3.0), {"kd_weight": 1.0, "kd_mask": "all"}),
        (lambda s, t, y: negative_entropy(s), {"entropy_weight": 1.0}),
    ],
    ids=["ce", "kd", "ent"],
)
def test_each_closed_form_gradient_is_the_numerical_derivative(term):
    function, weight = term
    student, teacher, labels = arguments(seed=1)
    teacher[np.arange(len(labels)), :, labels] = -10  # wrong everywhere, so that ENT acts
    none = {"temperature": 3.0, "ce_weight": 0.0, "kd_weight": 0.0, "entropy_weight": 0.0}
    settings = LossSettings(**(none | weight))
    _, gradient = erde_loss_and_gradient(student, teacher, labels, settings)
    numerical = numerical_gradient(lambda s: function(s, teacher, labels), student)
    assert gradient == pytest.approx(numerical, abs=1e-7)


def test_the_first_of_equal_maxima_is_the_answer():
    teacher = np.array([[[1.0, 2.0, 2.0]], [[1.0, 2.0, 2.0]], [[0.0, 0.0, 0.0]]])
    assert teacher_right(teacher, [1, 2, 0]).ravel().tolist() == [True, False, True]


def test_ce_needs_no_teacher_and_ignores_one():
    student, teacher, labels = arguments()
    settings = method_settings("ce", ce_weight=2.0)
    alone = erde_loss_and_gradient(student, None, labels, settings)
    teacher[:] = np.nan
    beside = erde_loss_and_gradient(student, teacher, labels, settings)
    for values, others in zip(alone, beside, strict=True):
        assert np.array_equal(values, others)
    assert alone[0] == pytest.approx(2 * cross_entropy(student, labels))


def test_masked_classes():
    student, teacher = np.array([[[0.0, 0.0, -np.inf]]]), np.array([[[0.0, -np.inf, -np.inf]]])
    assert cross_entropy(student, [2]).item() == np.inf
    assert negative_entropy(student).item() == pytest.approx(-math.log(2))
    assert kd_divergence(student, teacher, 1.0).item() == pytest.approx(math.log(2))
    assert kd_divergence(teacher, student, 1.0).item() == np.inf
    loss, slope = erde_loss_and_gradient(student, teacher, [2], LossSettings(ce_weight=1.0))
    assert loss.item() == np.inf
    assert slope.ravel() == pytest.approx([0.5, 0.5, -1.0])  # ENT is at its maximum: slope 0


def test_a_term_of_weight_zero_is_left_out():
    student, teacher = np.array([[[0.0, -np.inf]]]), np.array([[[1.0, 0.0]]])
    kd = LossSettings(ce_weight=0.0, kd_weight=1.0, entropy_weight=0.0)
    assert erde_loss(student, teacher, [0], kd).item() == np.inf
    assert erde_loss(student, teacher, [1], kd).item() == 0  # the teacher is wrong
    no_ce = method_settings("ce", ce_weight=0.0)
    assert erde_loss(student, None, [1], no_ce).item() == 0


@pytest.mark.parametrize("row", [[0, np.nan, 1], [0, np.inf, 1], [-np.inf] * 3, [np.nan] * 3])
@pytest.mark.parametrize(
    "settings",
    [LossSettings(), LossSettings(kd_mask="all", ce_weight=0), LossSettings(kd_weight=0)],
)
def test_undefined_rows_are_nan_where_they_are_read_and_nowhere_else(row, settings):
    student, teacher, labels = arguments(classes=3)
    student[1, 0] = teacher[3, 1] = row
    loss, gradient = erde_loss_and_gradient(student, teacher, labels, settings)
    expected = np.zeros(loss.shape, dtype=bool)
    expected[1, 0] = expected[3, 1] = True
    assert np.array_equal(np.isnan(loss), expected)
    assert np.array_equal(np.isnan(gradient).any(axis=2), expected)
    assert np.isnan(gradient[expected]).all()
    assert not teacher_right(teacher, labels)[3, 1]


def test_the_undefined_last_row_decides_for_all_exits():
    student, teacher, labels = arguments()
    teacher[2, -1, 0] = np.nan
    loss = erde_loss(student, teacher, labels, LossSettings(right_from="last"))
    assert np.isnan(loss[2]).all()
    assert not np.isnan(np.delete(loss, 2, axis=0)).any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_awkward_arrays_give_the_same_as_plain_ones(dtype):
    student, teacher, labels = arguments()
    student, teacher = student.astype(dtype), teacher.astype(dtype)
    plain = (student.astype(np.float64), teacher.astype(np.float64), labels)
    strided = np.asfortranarray(student), np.repeat(teacher, 2, axis=1)[:, ::2]
    for array in (*strided, labels):
        array.flags.writeable = False
    found = erde_loss_and_gradient(*strided, labels.astype(np.uint8), LossSettings())
    for values, expected in zip(found, erde_loss_and_gradient(*plain, LossSettings()), strict=True):
        assert values.dtype == np.float64
        assert np.array_equal(values, expected)


def test_inputs_are_not_changed():
    before = arguments()
    after = tuple(array.copy() for array in before)
    erde_loss_and_gradient(*after, LossSettings())
    kd_divergence(after[0], after[1], 2.0)
    for array, copy in zip(before, after, strict=True):
        assert np.array_equal(array, copy)


@pytest.mark.parametrize("package", [erde_core, erde_core.fast], ids=["reference", "fast"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["ce", "erde"])
def test_gradient_written_into_an_array_is_the_same(package, dtype, method):
    settings = method_settings(method)
    loss, gradient = package.erde_loss_and_gradient(*arguments(), settings)
    out = np.full(gradient.shape, 7, dtype=dtype)
    loss_beside, written = package.erde_loss_and_gradient(*arguments(), settings, out=out)
    assert written is out
    assert np.array_equal(loss_beside, loss)
    assert np.array_equal(out, gradient.astype(dtype))


def test_no_samples():
    student, teacher, labels = (array[:0] for array in arguments())
    loss, gradient = erde_loss_and_gradient(student, teacher, labels, LossSettings())
    assert loss.shape == (0, 3)
    assert gradient.shape == (0, 3, 5)


def test_exit_weights_are_left_to_the_caller():
    student, teacher, labels = arguments()
    weighted = replace(LossSettings(), exit_weights=(0.0, 1.0, 2.0))
    plain = erde_loss(student, teacher, labels, LossSettings())
    assert np.array_equal(erde_loss(student, teacher, labels, weighted), plain)
