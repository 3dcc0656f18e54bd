"""Compiled twin of ``erde_core.loss``: same names, arguments, outcomes and errors.

Threads share the samples (``numba.set_num_threads``); the result does not depend on their number.
All arithmetic is float64. The gradient is float32 where student and teacher are float32 or
float16, so that it costs no more memory traffic than they do, else float64.
"""

import math

import numpy as np
from numba import prange
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.fast import _layout, _rows, _sums
from erde_core.fast._jit import threaded
from erde_core.loss import checked_arguments
from erde_core.settings import LossSettings

Float64 = NDArray[np.float64]
# Samples that one thread takes at a time: small beside N, large beside the cost of a scratch array.
_BLOCK = 64
# For the functions that return a loss only.
_NO_GRADIENT = np.empty((1, 1, 0), np.float32)


def cross_entropy(student: ArrayLike, labels: ArrayLike) -> Float64:
    """See :func:`erde_core.cross_entropy`."""
    student = checks.float_array("student", student, ndim=3)
    labels = checks.class_labels(labels, student.shape[0], student.shape[2])
    weights = _same_everywhere(student.shape[1], ce=1.0)
    return _run(student, student, labels, weights, 1.0, False, _NO_GRADIENT)


def kd_divergence(student: ArrayLike, teacher: ArrayLike, temperature: float) -> Float64:
    """See :func:`erde_core.kd_divergence`."""
    student = checks.float_array("student", student, ndim=3)
    teacher = checks.float_array("teacher", teacher, ndim=3)
    checks.same_shape("teacher", teacher, "student", student)
    checks.positive("temperature", temperature)
    labels = np.zeros(len(student), dtype=np.int64)
    weights = _same_everywhere(student.shape[1], kd=1.0)
    return _run(student, teacher, labels, weights, temperature, False, _NO_GRADIENT)


def negative_entropy(student: ArrayLike) -> Float64:
    """See :func:`erde_core.negative_entropy`."""
    student = checks.float_array("student", student, ndim=3)
    labels = np.zeros(len(student), dtype=np.int64)
    weights = _same_everywhere(student.shape[1], ent=1.0)
    return _run(student, student, labels, weights, 1.0, False, _NO_GRADIENT)


def teacher_right(teacher: ArrayLike, labels: ArrayLike) -> NDArray[np.bool_]:
    """See :func:`erde_core.teacher_right`."""
    teacher = checks.float_array("teacher", teacher, ndim=3)
    labels = checks.class_labels(labels, teacher.shape[0], teacher.shape[2])
    right = np.empty(teacher.shape[:2], dtype=np.bool_)
    _right_kernel(_layout.logits(teacher), _layout.read_only(labels), right)
    return right


def erde_loss(
    student: ArrayLike, teacher: ArrayLike | None, labels: ArrayLike, settings: LossSettings
) -> Float64:
    """See :func:`erde_core.erde_loss`."""
    arguments = checked_arguments(student, teacher, labels, settings)
    return _erde(*arguments, settings, _NO_GRADIENT)


def erde_loss_and_gradient(
    student: ArrayLike,
    teacher: ArrayLike | None,
    labels: ArrayLike,
    settings: LossSettings,
    out: NDArray[np.floating] | None = None,
) -> tuple[Float64, NDArray[np.floating]]:
    """See :func:`erde_core.erde_loss_and_gradient`; without ``out`` the dtype is the module's."""
    student, teacher, labels = checked_arguments(student, teacher, labels, settings)
    read = [student] if teacher is None else [student, teacher]
    if out is None:
        gradient = np.empty(student.shape, np.result_type(*map(_layout.logits_dtype, read)))
    else:
        gradient = checks.output_array(out, student, *read)
    return _erde(student, teacher, labels, settings, gradient), gradient


def _erde(
    student: NDArray,
    teacher: NDArray | None,
    labels: NDArray,
    settings: LossSettings,
    gradient: NDArray,
) -> Float64:
    weights = _term_weights(settings, student.shape, teacher is not None)
    last_decides = settings.right_from == "last"
    # No term reads a teacher that is not there: the student in its place adds no memory traffic.
    teacher = student if teacher is None else teacher
    return _run(student, teacher, labels, weights, settings.temperature, last_decides, gradient)


def _term_weights(
    settings: LossSettings, shape: tuple[int, int, int], with_teacher: bool
) -> Float64:
    """Factors of CE, KD and ENT where the teacher is wrong [0] and right [1], ``(2, E, 3)``."""
    _, exits, classes = shape
    weights = _same_everywhere(
        exits,
        settings.ce_weight,
        settings.kd_weight * with_teacher,
        settings.entropy_weight * with_teacher,
    )
    if settings.ce_mask == "right":
        weights[0, :, 0] = 0
    if settings.kd_mask == "right":
        weights[0, :, 1] = 0
    weights[1, :, 2] = 0
    if settings.entropy_exits == "early":
        weights[:, -1:, 2] = 0
    if settings.entropy_scale == "log_c":
        weights[:, :, 2] /= math.log(classes)
    return weights


def _same_everywhere(exits: int, ce: float = 0.0, kd: float = 0.0, ent: float = 0.0) -> Float64:
    return np.tile(np.array([ce, kd, ent], dtype=np.float64), (2, exits, 1))


def _run(
    student: NDArray,
    teacher: NDArray,
    labels: NDArray,
    weights: Float64,
    temperature: float,
    last_decides: bool,
    gradient: NDArray,
) -> Float64:
    """The loss; fills ``gradient`` unless that is empty."""
    student, teacher = _layout.logits(student), _layout.logits(teacher)
    loss = np.empty(student.shape[:2])
    if loss.size:
        labels = _layout.read_only(labels)
        _kernel(student, teacher, labels, weights, temperature, last_decides, loss, gradient)
    return loss


@threaded
def _right_kernel(teacher: NDArray, labels: NDArray, right: NDArray) -> None:
    samples, exits, _ = teacher.shape
    for n in prange(samples):
        for e in range(exits):
            top = _sums.largest(teacher[n, e])
            right[n, e] = math.isfinite(top) and _sums.answers(teacher[n, e], labels[n], top)


@threaded
def _kernel(
    student: NDArray,
    teacher: NDArray,
    labels: NDArray,
    weights: NDArray,
    temperature: float,
    last_decides: bool,
    loss: NDArray,
    gradient: NDArray,
) -> None:
    samples, exits, classes = student.shape
    wants_gradient = gradient.size > 0
    for block in prange((samples + _BLOCK - 1) // _BLOCK):
        scratch = np.zeros((_sums.SCRATCH_ROWS, classes))
        for n in range(block * _BLOCK, min(samples, (block + 1) * _BLOCK)):
            decider, right = math.nan, False
            if last_decides:
                last = teacher[n, exits - 1]
                decider = _sums.largest(last)
                right = _sums.answers(last, labels[n], decider)
            for e in range(exits):
                top = _sums.largest(teacher[n, e])
                if not last_decides:
                    decider, right = top, _sums.answers(teacher[n, e], labels[n], top)
                row = student[n, e]
                row_top = _sums.largest(row)
                slopes = gradient[n, e] if wants_gradient else gradient[0, 0]
                if not (math.isfinite(top) and math.isfinite(decider) and math.isfinite(row_top)):
                    loss[n, e] = math.nan
                    slopes[:] = math.nan
                    continue
                weight = weights[np.int64(right), e]
                if weight[1] > 0:
                    loss[n, e] = _rows.with_kd(
                        row,
                        row_top,
                        teacher[n, e],
                        top,
                        labels[n],
                        weight,
                        temperature,
                        slopes,
                        scratch,
                    )
                else:
                    loss[n, e] = _rows.without_kd(
                        row, row_top, labels[n], weight[0], weight[2], slopes, scratch
                    )
