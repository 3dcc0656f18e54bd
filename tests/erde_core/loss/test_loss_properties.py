"""Properties that the loss has on any input."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import erde_core
from erde_core import (
    LossSettings,
    entropy,
    erde_loss,
    erde_loss_and_gradient,
    fast,
    negative_entropy,
)

# Multiples of 1/64 below 64: adding a constant of that kind is exact, so that it must change
# nothing at all, and two maxima that differ still do afterwards.
GRID = st.integers(-4096, 4096).map(lambda k: k / 64)


@st.composite
def problems(draw):
    """Student, teacher, labels and settings; the two largest logits of a row differ."""
    samples, exits, classes = (draw(st.integers(1, high)) for high in (3, 3, 6))
    rows = st.lists(GRID, min_size=classes, max_size=classes, unique=True)
    count = samples * exits
    stacks = [draw(st.lists(rows, min_size=count, max_size=count)) for _ in range(2)]
    student, teacher = (np.array(stack).reshape(samples, exits, classes) for stack in stacks)
    labels = np.array(
        draw(st.lists(st.integers(0, classes - 1), min_size=samples, max_size=samples))
    )
    weight = st.sampled_from((0.0, 0.3, 1.0))
    chosen = LossSettings(
        temperature=draw(st.sampled_from((0.5, 1.0, 4.0, 20.0))),
        ce_weight=draw(weight),
        kd_weight=draw(weight),
        entropy_weight=draw(weight),
        kd_mask=draw(st.sampled_from(("right", "all"))),
        kd_exits=draw(st.sampled_from(("all", "late"))) if exits > 1 else "all",
        ce_mask=draw(st.sampled_from(("all", "right"))),
        entropy_exits=draw(st.sampled_from(("all", "early"))) if exits > 1 else "all",
        right_from=draw(st.sampled_from(("exit", "last"))),
        target_from=draw(st.sampled_from(("exit", "last"))),
        self_weight=draw(weight) if exits > 1 else 0.0,
        decoupled=draw(st.sampled_from((None, (1.0, 8.0), (0.0, 1.0)))) if classes > 2 else None,
    )
    return student, teacher, labels, chosen


@st.composite
def problems_with_gaps(draw):
    """As :func:`problems`, with undefined rows, and a teacher that may be absent if not needed."""
    student, teacher, labels, chosen = draw(problems())
    if student.shape[2] > 1 and draw(st.booleans()):
        chosen = replace(chosen, standardise=True)
    if draw(st.booleans()):
        chosen = replace(chosen, kd_weight=0.0, entropy_weight=0.0)
    student, teacher = student.copy(), teacher.copy()
    for array in (student, teacher):
        for _ in range(draw(st.integers(0, 3))):
            place = tuple(draw(st.integers(0, size - 1)) for size in array.shape)
            array[place] = draw(st.sampled_from((np.nan, np.inf, -np.inf)))
    absent = not chosen.needs_teacher and draw(st.booleans())
    return student, None if absent else teacher, labels, chosen


@settings(max_examples=300, deadline=None)  # the first call compiles
@given(problems_with_gaps())
def test_the_twin_does_what_the_reference_does(problem):
    (found, slope), (expected, reference) = (
        package.erde_loss_and_gradient(*problem) for package in (fast, erde_core)
    )
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.array_equal(np.isnan(slope), np.isnan(reference))
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True)
    assert np.allclose(slope, reference, rtol=1e-9, atol=1e-9, equal_nan=True)


@given(problems_with_gaps())
def test_a_teacher_that_is_not_needed_changes_nothing(problem):
    student, teacher, labels, chosen = problem
    if not chosen.needs_teacher:
        for package in (fast, erde_core):
            alone = package.erde_loss_and_gradient(student, None, labels, chosen)
            beside = package.erde_loss_and_gradient(student, teacher, labels, chosen)
            for values, others in zip(alone, beside, strict=True):
                assert np.array_equal(values, others, equal_nan=True)


@given(problems(), GRID, GRID)
def test_a_constant_added_to_a_row_changes_nothing(problem, to_student, to_teacher):
    student, teacher, labels, chosen = problem
    expected = erde_loss_and_gradient(student, teacher, labels, chosen)
    found = erde_loss_and_gradient(student + to_student, teacher + to_teacher, labels, chosen)
    for values, others in zip(found, expected, strict=True):
        assert np.array_equal(values, others)


@given(problems(), st.randoms(use_true_random=False))
def test_permuting_the_classes_permutes_the_gradient(problem, random):
    student, teacher, labels, chosen = problem
    order = list(range(student.shape[2]))
    random.shuffle(order)
    loss, gradient = erde_loss_and_gradient(student, teacher, labels, chosen)
    moved = np.argsort(order)[labels]  # class order[i] is now called i
    found = erde_loss_and_gradient(student[..., order], teacher[..., order], moved, chosen)
    tolerance = 1e-11 * max(1.0, np.abs(loss).max())
    assert np.abs(found[0] - loss).max() <= tolerance
    assert np.abs(found[1] - gradient[..., order]).max() <= 1e-12


@given(
    arrays.arrays(np.float64, (2, 3, 2, 5), elements=st.floats(-1e4, 1e4)),
    arrays.arrays(np.int64, 3, elements=st.integers(0, 4)),
    st.sampled_from((0.5, 1.0, 4.0, 20.0)),
)
def test_gradients_sum_to_zero_over_the_classes(logits, labels, temperature):
    chosen = LossSettings(temperature=temperature)
    _, gradient = erde_loss_and_gradient(*logits, labels, chosen)
    assert np.abs(gradient.sum(axis=2)).max() <= 1e-15 * 5 * (2 + temperature)


@given(arrays.arrays(np.float64, (1, 1, 7), elements=st.floats(-50, 50)))
def test_the_entropy_term_is_lowest_at_uniform(logits):
    uniform = negative_entropy(np.zeros_like(logits)).item()
    assert negative_entropy(logits).item() >= uniform - 1e-15
    assert 0 <= entropy(logits).item() <= np.log(7) + 1e-15


@settings(max_examples=30)
@given(problems())
def test_samples_do_not_see_each_other(problem):
    student, teacher, labels, chosen = problem
    whole = erde_loss(student, teacher, labels, chosen)
    for n in range(len(labels)):
        alone = erde_loss(student[n : n + 1], teacher[n : n + 1], labels[n : n + 1], chosen)
        assert np.array_equal(whole[n : n + 1], alone)
