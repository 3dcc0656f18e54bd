"""Each term by itself, and whether the teacher is right."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.softmax import Float64, Softmax, expected_log, shift_to_zero, softmax_of_shifted

Logits = NDArray[np.floating]
Labels = NDArray[np.int64]


def cross_entropy(student: ArrayLike, labels: ArrayLike) -> Float64:
    """-log softmax(student)_label, in nats.

    Args:
        student: raw logits, floating point, ``(N, E, C)``.
        labels: integers in 0 … C - 1, ``(N,)``.

    Returns:
        float64 ``(N, E)``; +inf where the label is a masked class (-inf logit).

    Raises:
        ValueError: a shape, a dtype or a label breaks the rules above.
    """
    student = checks.float_array("student", student, ndim=3)
    labels = checks.class_labels(labels, student.shape[0], student.shape[2])
    return cross_entropy_of(tempered(student, 1.0), labels)


def kd_divergence(student: ArrayLike, teacher: ArrayLike, temperature: float) -> Float64:
    """τ² · KL(softmax(teacher/τ) ‖ softmax(student/τ)), in nats (Hinton et al., 2015).

    Args:
        student, teacher: raw logits, floating point, both ``(N, E, C)``.
        temperature: τ in 0.001 … 100; each row's maximum is subtracted before the division.

    Returns:
        float64 ``(N, E)``; +inf where the teacher gives mass to a class that the student masks.

    Raises:
        ValueError: shapes differ, a dtype is not floating point, or τ is out of its range.
    """
    student = checks.float_array("student", student, ndim=3)
    teacher = checks.float_array("teacher", teacher, ndim=3)
    checks.same_shape("teacher", teacher, "student", student)
    checks.temperature("temperature", temperature)
    soft, target = tempered(student, temperature), tempered(teacher, temperature)
    return temperature**2 * divergence(soft, target)


def negative_entropy(student: ArrayLike) -> Float64:
    """Σ_c p_c log p_c of p = softmax(student), in nats; 0 · log 0 = 0.

    Args:
        student: raw logits, floating point, ``(N, E, C)``.

    Returns:
        float64 ``(N, E)``, -log C … 0.

    Raises:
        ValueError: ``student`` is not floating point or not of three axes.
    """
    return expected_log(*tempered(checks.float_array("student", student, ndim=3), 1.0))


def teacher_right(teacher: ArrayLike, labels: ArrayLike) -> NDArray[np.bool_]:
    """Whether each teacher exit answers the label; the first of equal maxima is the answer.

    Args:
        teacher: raw logits, floating point, ``(N, E, C)``.
        labels: integers in 0 … C - 1, ``(N,)``.

    Returns:
        bool ``(N, E)``; an undefined row gives no answer and is never right.

    Raises:
        ValueError: a shape, a dtype or a label breaks the rules above.
    """
    teacher = checks.float_array("teacher", teacher, ndim=3)
    labels = checks.class_labels(labels, teacher.shape[0], teacher.shape[2])
    right: NDArray[np.bool_] = teacher.argmax(axis=2) == labels[:, None]
    return defined(teacher) & right


def defined(logits: Logits) -> NDArray[np.bool_]:
    """Rows whose largest entry is a finite number (NaN is the maximum of its row)."""
    finite: NDArray[np.bool_] = np.isfinite(logits.max(axis=-1))
    return finite


def tempered(logits: Logits, temperature: float) -> Softmax:
    """softmax(logits / τ), the maximum subtracted before the division."""
    return softmax_of_shifted(shift_to_zero(logits) / temperature)


def cross_entropy_of(student: Softmax, labels: Labels) -> Float64:
    """-log p at the labels, ``(N, E)``."""
    log_p: Float64 = np.take_along_axis(student.log_p, labels[:, None, None], axis=2)[..., 0]
    return -log_p


def divergence(student: Softmax, target: Softmax) -> Float64:
    """KL(target ‖ student) over the last axis."""
    with np.errstate(invalid="ignore"):  # both masked: -inf - -inf, but the class has no mass
        return expected_log(target.p, target.log_p - student.log_p)


def negative_entropy_slope(p: Float64, log_p: Float64) -> Float64:
    """The derivative of Σ p log p by the logits of p."""
    with np.errstate(invalid="ignore"):
        slope = p * (log_p - expected_log(p, log_p)[..., None])
    slope[p == 0] = 0.0
    return slope
