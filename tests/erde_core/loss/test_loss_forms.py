"""Standardised and decoupled KD, SELF and class weights: by definition, by derivative, at edges."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from erde_core import LossSettings, erde_loss, erde_loss_and_gradient, method_settings, softmax
from tests.erde_core.loss.test_loss import arguments, numerical_gradient, probabilities

pytestmark = pytest.mark.filterwarnings("error")

KD = {"ce_weight": 0.0, "entropy_weight": 0.0, "kd_mask": "all"}
ALONE = LossSettings(**KD)
SELF = LossSettings(**KD | {"kd_weight": 0.0, "self_weight": 0.8, "temperature": 3.0})
FORMS = [
    LossSettings(
        temperature=tau,
        ce_weight=0.9,
        kd_weight=0.7,
        entropy_weight=0.4,
        self_weight=0.6 * follows,
        standardise=standardise,
        decoupled=decoupled,
        target_from=target_from,
        kd_mask=mask,
    )
    for tau, standardise, decoupled, target_from, mask, follows in itertools.product(
        (0.5, 4.0),
        (False, True),
        (None, (1.0, 8.0), (0.0, 1.0), (1.5, 0.0)),
        ("exit", "last"),
        ("right", "all"),
        (False, True),
    )
]


def kl(q, p):
    return sum(x * math.log(x / y) for x, y in zip(q, p, strict=True))


def kd_by_definition(student, teacher, label, settings):
    """KD of one row in plain Python."""
    rows = [list(student), list(teacher)]
    if settings.standardise:
        for row in rows:
            mean = sum(row) / len(row)
            squares = sum((x - mean) ** 2 for x in row)
            deviation = math.sqrt(squares / (len(row) - 1))
            row[:] = [(x - mean) / (1e-7 + deviation) for x in row]
    p, q = (probabilities(row, settings.temperature) for row in rows)
    if settings.decoupled is None:
        return settings.temperature**2 * kl(q, p)
    alpha, beta = settings.decoupled
    others_p, others_q = (x[:label] + x[label + 1 :] for x in (p, q))
    of_label = kl((q[label], sum(others_q)), (p[label], sum(others_p)))
    among = kl(*([x / sum(others) for x in others] for others in (others_q, others_p)))
    return settings.temperature**2 * (alpha * of_label + beta * among)


@pytest.mark.parametrize("settings", FORMS)
def test_every_form_by_definition_and_numerical_derivative(settings):
    student, teacher, labels = arguments(samples=6)
    loss, gradient = erde_loss_and_gradient(student, teacher, labels, settings)
    plain = replace(settings, kd_weight=0.0, self_weight=0.0)
    expected = erde_loss(student, teacher, labels, plain)  # CE and ENT: test_loss.py
    right = teacher.argmax(2) == labels[:, None]
    tau, last = settings.temperature, student.shape[1] - 1
    for n, e in np.ndindex(*expected.shape):
        target = teacher[n, last if settings.target_from == "last" else e]
        if settings.kd_mask == "all" or right[n, e]:
            kd = kd_by_definition(student[n, e], target, labels[n], settings)
            expected[n, e] += settings.kd_weight * kd
        if e < last:
            rows = (probabilities(row, tau) for row in (student[n, last], student[n, e]))
            expected[n, e] += settings.self_weight * tau**2 * kl(*rows)
    assert loss == pytest.approx(expected, rel=1e-12)
    assert gradient == pytest.approx(derivative(student, teacher, labels, settings), abs=1e-6)


def derivative(student, teacher, labels, settings):
    """Central differences, exit by exit: the last exit as a target of SELF does not move."""
    found = np.empty_like(student)
    for e in range(student.shape[1]):

        def at(moved, e=e):
            rows = student.copy()
            rows[:, e] = moved[:, 0]
            loss = erde_loss(rows, teacher, labels, settings)
            return loss[:, e : e + 1]

        found[:, e : e + 1] = numerical_gradient(at, student[:, e : e + 1].copy())
    return found


def test_by_hand():
    student, teacher = np.log([[[1.0, 2.0, 1.0]]]), np.log([[[2.0, 1.0, 1.0]]])
    of_label = 1 / 2 * math.log(2) + 1 / 2 * math.log(2 / 3)  # 1/2, 1/2 from 1/4, 3/4
    among = 1 / 2 * math.log(3 / 4) + 1 / 2 * math.log(3 / 2)  # 1/2, 1/2 from 2/3, 1/3
    dkd = replace(ALONE, temperature=1.0, decoupled=(3.0, 5.0))
    loss, slope = erde_loss_and_gradient(student, teacher, [0], dkd)
    assert loss.item() == pytest.approx(3 * of_label + 5 * among, rel=1e-14)
    others = [5 * (p - 1 / 2) + 3 / 4 * p for p in (2 / 3, 1 / 3)]
    assert slope.ravel() == pytest.approx([-3 / 4, *others], rel=1e-13)
    rows = np.array([[[-1.0, 0.0, 1.0]]])  # deviation 1, mean 0
    standard = replace(ALONE, temperature=1.0, standardise=True)
    found = erde_loss(3 * rows + 2, -0.5 * rows, [0], standard).item()
    p = softmax(rows / (1 + 1e-7))[0, 0]
    assert found == pytest.approx(kl(p[::-1], p), rel=1e-6)


def test_plain_kd_is_the_label_part_plus_the_others_by_the_teachers_doubt():
    student, teacher, labels = arguments()
    target = softmax(teacher / ALONE.temperature)
    doubt = 1 - target[np.arange(len(labels)), :, labels]
    parts = [
        erde_loss(student, teacher, labels, replace(ALONE, decoupled=pair))
        for pair in ((1.0, 0.0), (0.0, 1.0))
    ]
    plain = erde_loss(student, teacher, labels, ALONE)
    assert parts[0] + doubt * parts[1] == pytest.approx(plain, rel=1e-12)


def test_standardised_kd_sees_neither_offset_nor_scale():
    student, teacher, labels = arguments()
    settings = method_settings("kd_ls", ce_weight=0.0)
    expected = erde_loss(student, teacher, labels, settings)
    moved = erde_loss(7 * student - 3, 0.1 * teacher + 5, labels, settings)
    assert moved == pytest.approx(expected, rel=1e-5)  # 1e-7 is added to the deviation


def test_a_row_of_equal_entries_has_finite_slopes():
    student, teacher, labels = arguments()
    student[0, 0], teacher[1, 1] = 0.1, 0.7
    settings = method_settings("kd_ls")
    loss, gradient = erde_loss_and_gradient(student, teacher, labels, settings)
    assert np.isfinite(loss).all()
    assert np.isfinite(gradient).all()
    teacher[0, 0] = -0.3  # both equal: nothing to imitate, CE alone is left
    both = erde_loss(student, teacher, labels, settings)[0, 0]
    assert both == pytest.approx(math.log(5), rel=1e-15)


def test_self_pulls_early_exits_towards_the_last_and_needs_no_teacher():
    student, teacher, labels = arguments()
    loss, gradient = erde_loss_and_gradient(student, None, labels, SELF)
    p, q = softmax(student / 3), softmax(student[:, -1:] / 3)
    assert gradient == pytest.approx(0.8 * 3 * (p - q), abs=1e-14)
    assert (loss[:, :-1] > 0).all()
    assert (loss[:, -1] == 0).all()
    assert (gradient[:, -1] == 0).all()
    beside = erde_loss_and_gradient(student, np.full_like(teacher, np.nan), labels, SELF)
    assert np.array_equal(beside[0], loss)


def test_self_is_neither_masked_nor_standardised_nor_decoupled():
    student, teacher, labels = arguments()
    alone = erde_loss(student, None, labels, SELF)
    for fields in ({"standardise": True}, {"decoupled": (1.0, 8.0)}, {"kd_mask": "right"}):
        base = LossSettings(temperature=3.0, **fields)
        without = erde_loss(student, teacher, labels, base)
        beside = erde_loss(student, teacher, labels, replace(base, self_weight=0.8))
        assert beside - without == pytest.approx(alone, abs=1e-12)


def test_class_weights_multiply_the_cross_entropy_alone():
    student, teacher, labels = arguments()
    weight = np.array([0.0, 0.5, 1.0, 2.0, 4.0])
    ce, rest = LossSettings(kd_weight=0, entropy_weight=0), LossSettings(ce_weight=0)
    parts = [erde_loss_and_gradient(student, teacher, labels, s) for s in (ce, rest)]
    whole = erde_loss_and_gradient(student, teacher, labels, LossSettings(), class_weight=weight)
    by_sample = weight[labels][:, None]
    assert whole[0] == pytest.approx(by_sample * parts[0][0] + parts[1][0], rel=1e-13)
    expected = by_sample[..., None] * parts[0][1] + parts[1][1]
    assert whole[1] == pytest.approx(expected, abs=1e-13)


def test_a_class_of_weight_zero_may_be_masked():
    student = np.array([[[0.0, -np.inf, 1.0]]])
    assert erde_loss(student, None, [1], method_settings("ce")).item() == np.inf
    zero = erde_loss(student, None, [1], method_settings("ce"), class_weight=np.array([1.0, 0, 1]))
    assert zero.item() == 0


@pytest.mark.parametrize("exits", [1, 2, 5])
def test_a_teacher_with_another_number_of_exits_is_read_at_its_last(exits):
    student, teacher, labels = arguments()
    settings = LossSettings(right_from="last", target_from="last", ce_mask="right")
    other = np.full((len(student), exits, 5), np.nan)
    other[:, -1] = teacher[:, -1]
    expected = erde_loss_and_gradient(student, teacher, labels, settings)
    found = erde_loss_and_gradient(student, other, labels, settings)
    repeated = np.repeat(teacher[:, -1:], 3, axis=1)
    from_exit = replace(settings, right_from="exit", target_from="exit")
    same = erde_loss_and_gradient(student, repeated, labels, from_exit)
    for values, others, alike in zip(found, expected, same, strict=True):
        assert np.array_equal(values, others)
        assert np.array_equal(values, alike)


def where_undefined(settings, student, teacher, labels):
    loss, gradient = erde_loss_and_gradient(student, teacher, labels, settings)
    assert np.array_equal(np.isnan(loss), np.isnan(gradient).all(axis=2))
    assert np.array_equal(np.isnan(loss), np.isnan(gradient).any(axis=2))
    return [tuple(map(int, place)) for place in np.argwhere(np.isnan(loss))]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (LossSettings(target_from="last"), [(1, 0), (2, 0), (2, 1), (2, 2)]),
        (LossSettings(right_from="last"), [(1, 0), (2, 0), (2, 1), (2, 2)]),
        (LossSettings(right_from="last", target_from="last"), [(2, 0), (2, 1), (2, 2)]),
        (LossSettings(kd_mask="all", entropy_weight=0, right_from="last"), [(1, 0), (2, 2)]),
        (LossSettings(kd_weight=0, target_from="last"), [(1, 0), (2, 2)]),
        (LossSettings(kd_weight=0, right_from="last"), [(2, 0), (2, 1), (2, 2)]),
        (LossSettings(kd_exits="late", right_from="last"), [(1, 0), (2, 0), (2, 1), (2, 2)]),
        (SELF, []),
    ],
)
def test_only_rows_of_the_teacher_that_a_term_reads_can_spoil_it(settings, expected):
    student, teacher, labels = arguments()
    teacher[1, 0, 3] = teacher[2, 2, 0] = np.nan
    assert where_undefined(settings, student, teacher, labels) == expected


@pytest.mark.parametrize("needed", [True, False])
def test_an_undefined_last_row_of_the_student_spoils_the_early_exits_of_self_alone(needed):
    student, teacher, labels = arguments()
    student[1, 0, 3] = student[2, 2, 0] = np.nan
    base = LossSettings(right_from="last") if needed else method_settings("ce", right_from="last")
    own = [(1, 0), (2, 2)]
    assert where_undefined(base, student, teacher, labels) == own
    follows = replace(base, self_weight=1.0)
    expected = [(1, 0), (2, 0), (2, 1), (2, 2)]
    assert where_undefined(follows, student, teacher, labels) == expected


def test_rows_that_a_form_cannot_compare():
    student, teacher, labels = arguments()
    labels[:] = 1
    student[1, 0, 3] = teacher[2, 1, 3] = -np.inf
    student[3, 1, [0, 2, 3, 4]] = teacher[4, 2, [0, 2, 3, 4]] = -np.inf  # the label alone is left
    student[5, 0] *= 1e160  # of which the squares overflow
    teacher[5, 2] *= 1e160
    fields = {"kd_weight": 1.0, "kd_mask": "all", "entropy_weight": 0.0}
    found = {
        name: where_undefined(LossSettings(**fields | form), student, teacher, labels)
        for name, form in {
            "plain": {},
            "standardised": {"standardise": True},
            "decoupled": {"decoupled": (1.0, 1.0)},
            "not read": {"kd_weight": 0.0, "standardise": True, "decoupled": (1.0, 1.0)},
        }.items()
    }
    assert found == {
        "plain": [],
        "standardised": [(1, 0), (2, 1), (3, 1), (4, 2), (5, 0), (5, 2)],
        "decoupled": [(3, 1), (4, 2)],
        "not read": [],
    }


def test_a_part_of_weight_zero_is_left_out():
    student = np.array([[[0.0, -np.inf, 1.0, 0.0]]])
    teacher = np.array([[[0.0, 1.0, 2.0, 0.0]]])
    # Label 1 is masked: its part is infinite. Label 0 leaves the masked class among the others.
    for label, pair, infinite in (
        (1, (0.0, 1.0), False),
        (1, (1.0, 0.0), True),
        (0, (1.0, 0.0), False),
        (0, (0.0, 1.0), True),
    ):
        loss = erde_loss(student, teacher, [label], replace(ALONE, decoupled=pair))
        assert np.isinf(loss).item() is infinite
        assert not np.isnan(loss).item()


@pytest.mark.parametrize(
    ("form", "undefined"),
    [({"standardise": True}, [True, True]), ({"decoupled": (1.0, 8.0)}, [False, True])],
)
def test_a_row_without_a_form_is_undefined_though_the_mask_hides_it(form, undefined):
    student = np.array([[[0.0, -np.inf, 1.0]], [[0.0, -np.inf, -np.inf]]])
    teacher = np.array([[[0.0, 0.0, 5.0]]] * 2)  # wrong: nothing to imitate
    found = erde_loss(student, teacher, [0, 0], method_settings("masked_kd", **form))
    assert np.isnan(found).ravel().tolist() == undefined


def test_a_target_that_is_undefined_spoils_its_exit_though_the_mask_hides_it():
    """The teacher's last exit is wrong; its first says nothing, and would be imitated."""
    student = np.zeros((1, 2, 3))
    teacher = np.array([[[np.nan, 0.0, 0.0], [0.0, 0.0, 5.0]]])
    settings = method_settings("masked_kd", right_from="last")
    assert where_undefined(settings, student, teacher, np.array([0])) == [(0, 0)]
