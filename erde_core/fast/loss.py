"""Compiled twin of ``erde_core.loss``: same names, arguments, outcomes and errors.

Threads share the samples (``numba.set_num_threads``); the result does not depend on their number.
All arithmetic is float64. The gradient is float32 where student and teacher are float32 or
float16, so that it costs no more memory traffic than they do, else float64.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numba import prange
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.fast import _imitation, _layout, _rows, _sums
from erde_core.fast._jit import inlined, serial, threaded
from erde_core.fast._settings import NOT_READ, Plan, Tables, plan, tables
from erde_core.loss.arguments import Arguments, checked_arguments
from erde_core.settings import LossSettings

Float64 = NDArray[np.float64]
# One thread takes so many samples at a time. This is much less than N, but enough to outweigh the
# cost of a scratch array.
_BLOCK = 64
# For the functions that return a loss only.
_NO_GRADIENT = np.empty((1, 1, 0), np.float32)
_NOTHING = LossSettings(ce_weight=0, kd_weight=0, entropy_weight=0, kd_mask="all")


def cross_entropy(student: ArrayLike, labels: ArrayLike) -> Float64:
    """See :func:`erde_core.cross_entropy`."""
    student = checks.float_array("student", student, ndim=3)
    labels = checks.class_labels(labels, student.shape[0], student.shape[2])
    return _single(student, student, labels, replace(_NOTHING, ce_weight=1))


def kd_divergence(student: ArrayLike, teacher: ArrayLike, temperature: float) -> Float64:
    """See :func:`erde_core.kd_divergence`."""
    student = checks.float_array("student", student, ndim=3)
    teacher = checks.float_array("teacher", teacher, ndim=3)
    checks.same_shape("teacher", teacher, "student", student)
    settings = replace(_NOTHING, kd_weight=1, temperature=temperature)
    return _single(student, teacher, np.zeros(len(student), np.int64), settings)


def negative_entropy(student: ArrayLike) -> Float64:
    """See :func:`erde_core.negative_entropy`."""
    student = checks.float_array("student", student, ndim=3)
    settings = replace(_NOTHING, entropy_weight=1)
    return _single(student, student, np.zeros(len(student), np.int64), settings)


def teacher_right(teacher: ArrayLike, labels: ArrayLike) -> NDArray[np.bool_]:
    """See :func:`erde_core.teacher_right`."""
    teacher = checks.float_array("teacher", teacher, ndim=3)
    labels = checks.class_labels(labels, teacher.shape[0], teacher.shape[2])
    right = np.empty(teacher.shape[:2], dtype=np.bool_)
    _right_kernel(_layout.logits(teacher), _layout.read_only(labels), right)
    return right


def erde_loss(
    student: ArrayLike,
    teacher: ArrayLike | None,
    labels: ArrayLike,
    settings: LossSettings,
    *,
    class_weight: ArrayLike | None = None,
) -> Float64:
    """See :func:`erde_core.erde_loss`."""
    arguments = checked_arguments(student, teacher, labels, settings, class_weight)
    return _erde(arguments, settings, _NO_GRADIENT)


def erde_loss_and_gradient(
    student: ArrayLike,
    teacher: ArrayLike | None,
    labels: ArrayLike,
    settings: LossSettings,
    out: NDArray[np.floating] | None = None,
    *,
    class_weight: ArrayLike | None = None,
) -> tuple[Float64, NDArray[np.floating]]:
    """See :func:`erde_core.erde_loss_and_gradient`; without ``out`` the dtype is the module's."""
    arguments = checked_arguments(student, teacher, labels, settings, class_weight)
    read = [array for array in arguments[:2] if array is not None]
    gradient: NDArray[np.floating]
    if out is None:
        dtype = np.result_type(*map(_layout.logits_dtype, read))
        gradient = np.empty(arguments.student.shape, dtype)
    else:
        gradient = checks.output_array(out, arguments.student, *read)
    return _erde(arguments, settings, gradient), gradient


def _erde(arguments: Arguments, settings: LossSettings, gradient: NDArray[np.floating]) -> Float64:
    student, teacher, labels, class_weight = arguments
    # No term reads a missing teacher. The student stands in its place and adds no memory traffic.
    teacher = student if teacher is None else teacher
    _, exits, classes = student.shape
    if class_weight is None:
        class_weight = np.ones(classes)
    each = tables(settings, exits, classes, teacher.shape[1])
    return _run(student, teacher, labels, class_weight, each, plan(settings), gradient)


def _single(
    student: NDArray[np.floating],
    teacher: NDArray[np.floating],
    labels: NDArray[np.int64],
    settings: LossSettings,
) -> Float64:
    """The one term of ``settings``, whatever the teacher answers."""
    _, exits, classes = student.shape
    each = tables(settings, exits, classes, exits)
    each = each._replace(answer_rows=np.full(exits, NOT_READ, dtype=np.int64))
    return _run(student, teacher, labels, np.ones(classes), each, plan(settings), _NO_GRADIENT)


def _run(
    student: NDArray[np.floating],
    teacher: NDArray[np.floating],
    labels: NDArray[np.int64],
    class_weight: Float64,
    each: Tables,
    chosen: Plan,
    gradient: NDArray[np.floating],
) -> Float64:
    """The loss; fills ``gradient`` unless that is empty."""
    student, teacher = _layout.logits(student), _layout.logits(teacher)
    loss = np.empty(student.shape[:2])
    if loss.size:
        labels, class_weight = _layout.read_only(labels), _layout.read_only(class_weight)
        more = chosen.standardise or chosen.decoupled or chosen.self_weight > 0
        kernel = _kernel_of_more if more else _kernel
        kernel(student, teacher, labels, class_weight, *each, chosen, loss, gradient)
    return loss


@threaded
def _right_kernel(
    teacher: NDArray[np.floating], labels: NDArray[np.int64], right: NDArray[np.bool_]
) -> None:
    samples, exits, _ = teacher.shape
    for n in prange(samples):
        for e in range(exits):
            top, is_right = _answer(teacher[n, e], labels[n])
            right[n, e] = math.isfinite(top) and is_right


@inlined
def _answer(row: NDArray[np.floating], label: int) -> tuple[float, bool]:
    """The maximum of a teacher's row, and whether it answers ``label``, where it is defined."""
    top = _sums.largest(row)
    return top, _sums.answers(row, label, top)


@inlined
def _all_finite(answer_top: float, target_top: float, row_top: float, last_top: float) -> bool:
    """Whether all rows that a loss reads are defined."""
    return (
        math.isfinite(answer_top)
        and math.isfinite(target_top)
        and math.isfinite(row_top)
        and math.isfinite(last_top)
    )


def _kernel_of(row_loss: Callable[..., float], follows: bool) -> Callable[..., None]:
    """A pass over all samples; arguments as for :func:`_sample_of`."""
    sample = _sample_of(row_loss, follows)

    @threaded
    def kernel(
        student: NDArray[np.floating],
        teacher: NDArray[np.floating],
        labels: NDArray[np.int64],
        class_weight: NDArray[np.float64],
        weights: NDArray[np.float64],
        answer_rows: NDArray[np.int64],
        target_rows: NDArray[np.int64],
        chosen: Plan,
        loss: NDArray[np.float64],
        gradient: NDArray[np.floating],
    ) -> None:
        samples, _, classes = student.shape
        wants_gradient = gradient.size > 0
        for block in prange((samples + _BLOCK - 1) // _BLOCK):
            scratch = np.zeros((_sums.SCRATCH_ROWS, classes))
            for n in range(block * _BLOCK, min(samples, (block + 1) * _BLOCK)):
                sample(
                    student[n],
                    teacher[n],
                    labels[n],
                    class_weight[labels[n]],
                    weights,
                    answer_rows,
                    target_rows,
                    chosen,
                    loss[n],
                    gradient[n if wants_gradient else 0],
                    scratch,
                )

    return kernel


def _sample_of(row_loss: Callable[..., float], follows: bool) -> Callable[..., None]:
    """All rows of a sample, by ``row_loss`` of ``_rows``; ``follows``: it may use the last row."""

    @serial
    def sample(
        student: NDArray[np.floating],
        teacher: NDArray[np.floating],
        label: int,
        class_weight: float,
        weights: NDArray[np.float64],
        answer_rows: NDArray[np.int64],
        target_rows: NDArray[np.int64],
        chosen: Plan,
        loss: NDArray[np.float64],
        gradient: NDArray[np.floating],
        scratch: NDArray[np.float64],
    ) -> None:
        # A row that no term reads counts as defined. A mask that is off gives wrong and right
        # answers of the teacher the same weight.
        answer_at, answer_top, right = NOT_READ, 0.0, False
        target_at, target_top = NOT_READ, 0.0
        last_top, last_total = 0.0, 1.0
        last = student[-1]
        if follows and chosen.self_weight > 0 and len(student) > 1:
            last_top, last_total = _imitation.soften_last(last, chosen, scratch)
        for e in range(len(student)):
            if answer_rows[e] != answer_at:
                answer_at = answer_rows[e]
                answer_top, right = _answer(teacher[answer_at], label)
            if target_rows[e] != target_at:
                target_at = target_rows[e]
                is_answer = target_at == answer_at
                target_top = answer_top if is_answer else _sums.largest(teacher[target_at])
            row, slopes = student[e], gradient[e if gradient.size > 0 else 0]
            row_top = _sums.largest(row)
            if not _all_finite(answer_top, target_top, row_top, last_top):
                loss[e] = math.nan
                slopes[:] = math.nan
                continue
            loss[e] = row_loss(
                row,
                row_top,
                teacher[max(target_at, 0)],
                target_top,
                last,
                last_top,
                last_total,
                label,
                weights[np.int64(right), e],
                class_weight,
                chosen.self_weight if e < len(student) - 1 else 0.0,
                chosen,
                slopes,
                scratch,
            )

    return sample


# The rare settings are compiled apart, because they take three times as long to compile.
_kernel = _kernel_of(_rows.usual, False)
_kernel_of_more = _kernel_of(_rows.with_more, True)
