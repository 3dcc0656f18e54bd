"""Reference, compiled twin, PyTorch and 50 digits against each other, and the table itself."""

import itertools

import numpy as np
import pytest

import erde_core
from erde_core import fast
from erde_torch.parity.report import Backend, compare, evaluated, largest_error, tolerances
from tests.twins import BACKENDS, CASES, PAIRS, exact_cases, exact_forms

EXACT = list(exact_cases())
FORMS = list(exact_forms())


def named(items):
    return {"argvalues": items, "ids": lambda item: getattr(item, "name", None)}


def backend_id(backend):
    return f"{backend.name} {backend.device} {backend.dtype}"


def outside(found, expected, tolerance):
    """Where found is not expected within tolerance, NaN and infinities included."""
    with np.errstate(invalid="ignore"):
        near = np.abs(np.subtract(found, expected, dtype=np.float64)) <= tolerance
    return ~(near | (found == expected) | (np.isnan(found) & np.isnan(expected)))


@pytest.mark.parametrize("exact", EXACT, ids=lambda exact: exact.case.name)
def test_reference_has_the_digits_of_mpmath(exact):
    case, tau = exact.case, exact.case.settings.temperature
    loss, gradient = erde_core.erde_loss_and_gradient(
        case.student, case.teacher, case.labels, case.settings
    )
    found = {
        "ce": (erde_core.cross_entropy(case.student, case.labels), exact.terms["ce"]),
        "kd": (erde_core.kd_divergence(case.student, case.teacher, tau), exact.terms["kd"]),
        "ent": (erde_core.negative_entropy(case.student), exact.terms["ent"]),
        "entropy": (erde_core.entropy(case.student), -exact.terms["ent"]),
        "loss": (loss, exact.loss),
        "gradient": (gradient, exact.gradient),
    }
    for name, (value, expected) in found.items():
        assert not outside(value, expected, exact.tolerance(expected)).any(), name
    assert np.array_equal(erde_core.teacher_right(case.teacher, case.labels), exact.right)


REFERENCE = Backend(
    "erde_core",
    "CPU",
    "float64",
    "float64",
    lambda case: evaluated(erde_core.erde_loss_and_gradient, case),
)


@pytest.mark.parametrize("exact", FORMS, ids=lambda exact: exact.case.name)
def test_reference_has_the_digits_of_mpmath_in_every_form(exact):
    found = REFERENCE.evaluate(exact.case)
    allowed = tolerances(exact.case, REFERENCE)
    assert largest_error(found[0], exact.loss) <= allowed[0]
    assert largest_error(found[1], exact.gradient) <= allowed[1]


@pytest.mark.parametrize("exact", EXACT + FORMS, ids=lambda exact: exact.case.name)
@pytest.mark.parametrize(
    "backend", [b for b in BACKENDS if b.dtype in ("float64", "float32")], ids=backend_id
)
def test_backends_agree_with_mpmath(backend, exact):
    found = backend.evaluate(exact.case)
    expected = exact.loss, exact.gradient
    for value, exact_value, allowed in zip(
        found, expected, tolerances(exact.case, backend), strict=True
    ):
        assert largest_error(value, exact_value) <= allowed


@pytest.mark.parametrize("backend", BACKENDS, ids=backend_id)
def test_backends_agree_with_the_reference(backend):
    rows = [compare(backend, case) for case in CASES]
    assert [row for row in rows if not row["within"]] == []


@pytest.mark.parametrize("pair", **named(PAIRS))
@pytest.mark.parametrize("shape", [(0, 3, 5), (1, 1, 2), (97, 3, 11), (70, 4, 130)])
def test_twin_does_what_the_reference_does(pair, shape):
    samples, exits, classes = shape  # none, the smallest, odd, more than a block and a register
    arguments = pair.arguments(np.random.default_rng(1), samples, exits=exits, classes=classes)
    found = pair.results(pair.twin, arguments)
    expected = pair.results(pair.reference, arguments)
    for value, reference in zip(found, expected, strict=True):
        assert value.shape == reference.shape
        assert not outside(value, reference, pair.tolerance).any()


@pytest.mark.parametrize("pair", **named([p for p in PAIRS if p.name in ("sweep", "exit_indices")]))
def test_twin_agrees_on_ties_and_nan(pair):
    entropy, *others = pair.arguments(np.random.default_rng(2), 200)
    entropy = np.round(entropy, 1)
    entropy[::7, 1] = np.nan
    found = pair.results(pair.twin, (entropy, *others))
    for value, reference in zip(
        found, pair.results(pair.reference, (entropy, *others)), strict=True
    ):
        assert np.array_equal(value, reference)


def test_every_twin_stands_in_the_table():
    assert sorted(pair.name for pair in PAIRS) == sorted(fast.__all__)


def test_data_of_50_digits_are_what_they_claim():
    for exact, name in itertools.product(EXACT, ("ce_slope", "kd_slope", "ent_slope")):
        slopes = exact.terms[name]
        assert np.abs(slopes.sum(axis=2)).max() < 1e-14 * np.abs(slopes).max() + 1e-16
    assert any(exact.right.any() and not exact.right.all() for exact in EXACT)
    assert {exact.case.settings.temperature for exact in EXACT} == {0.5, 1, 4, 20}


def test_data_of_the_forms_are_what_they_claim():
    assert len(FORMS) == 4 * 6
    for exact in FORMS:
        defined = np.isfinite(exact.loss)
        standardised = exact.case.settings.standardise  # masked classes have no deviation
        assert defined.all() or (standardised and not np.isfinite(exact.case.student).all())
        if not defined.any():
            continue
        assert (exact.loss[defined] >= 0).all()  # each is a divergence
        sums = exact.gradient[defined].sum(axis=-1)
        assert np.abs(sums).max() < 1e-13 * np.abs(exact.gradient[defined]).max() + 1e-16


def test_cases_exercise_both_answers_of_the_teacher():
    right = erde_core.teacher_right(CASES[0].teacher, CASES[0].labels)
    assert 0.3 < right.mean() < 0.7
    assert any(not np.isfinite(case.student).all() for case in CASES)
