"""The distillation loss and its closed-form gradient: the reference every backend is checked by.

ERDE (Entropy-Regularized Distillation for Early-exit, arXiv 2510.04856). For sample n and exit e,
with student logits s, teacher logits t, label y and τ = temperature::

    CE   = -log softmax(s)_y                           ∂CE  = p - onehot(y)
    KD   = τ² KL(softmax(t/τ) || softmax(s/τ))         ∂KD  = τ (softmax(s/τ) - softmax(t/τ))
    ENT  = Σ_c p_c log p_c = -H(p)                     ∂ENT = p (log p - Σ_c p_c log p_c)
    loss = ce_weight CE + right kd_weight KD + (1 - right) entropy_weight ENT

Shape suffixes: N samples, E exits, C classes. Everything is computed in float64 whatever comes in.
A term whose weight is 0 at (n, e) is left out, so its infinities do not count there. A row that
holds NaN or +inf, or only -inf, is undefined: loss and gradient are NaN at (n, e) if the student's
row is undefined there or, where the settings need a teacher, the teacher's row there or the row
that ``right_from`` names.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.settings import LossSettings
from erde_core.softmax import Float64, Softmax, expected_log, shift_to_zero, softmax_of_shifted


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
    return _cross_entropy(_tempered(student, 1.0), labels)


def kd_divergence(student: ArrayLike, teacher: ArrayLike, temperature: float) -> Float64:
    """τ² · KL(softmax(teacher/τ) ‖ softmax(student/τ)), in nats (Hinton et al., 2015).

    Args:
        student, teacher: raw logits, floating point, both ``(N, E, C)``.
        temperature: τ > 0; each row's maximum is subtracted before the division.

    Returns:
        float64 ``(N, E)``; +inf where the teacher gives mass to a class that the student masks.

    Raises:
        ValueError: shapes differ, a dtype is not floating point, or τ is not above 0.
    """
    student = checks.float_array("student", student, ndim=3)
    teacher = checks.float_array("teacher", teacher, ndim=3)
    checks.same_shape("teacher", teacher, "student", student)
    checks.positive("temperature", temperature)
    soft, target = _tempered(student, temperature), _tempered(teacher, temperature)
    return _kd_divergence(soft, target, temperature)


def negative_entropy(student: ArrayLike) -> Float64:
    """Σ_c p_c log p_c of p = softmax(student), in nats; 0 · log 0 = 0.

    Args:
        student: raw logits, floating point, ``(N, E, C)``.

    Returns:
        float64 ``(N, E)``, -log C … 0.

    Raises:
        ValueError: ``student`` is not floating point or not of three axes.
    """
    return expected_log(*_tempered(checks.float_array("student", student, ndim=3), 1.0))


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
    return _defined(teacher) & (teacher.argmax(axis=2) == labels[:, None])


def erde_loss(
    student: ArrayLike, teacher: ArrayLike | None, labels: ArrayLike, settings: LossSettings
) -> Float64:
    """The weighted sum per sample and exit, before ``exit_weights`` and the mean over samples.

    Args:
        student: raw logits, floating point, ``(N, E, C)``.
        teacher: raw logits like ``student``, or ``None`` where the settings need no teacher.
        labels: integers in 0 … C - 1, ``(N,)``.
        settings: weights and masks.

    Returns:
        float64 ``(N, E)``.

    Raises:
        ValueError: shapes differ, a label is out of range, a needed teacher is missing, or
            ``entropy_scale`` is ``log_c`` with fewer than two classes.
    """
    return _loss(_parts(*checked_arguments(student, teacher, labels, settings), settings))


def erde_loss_and_gradient(
    student: ArrayLike,
    teacher: ArrayLike | None,
    labels: ArrayLike,
    settings: LossSettings,
    out: NDArray[np.floating] | None = None,
) -> tuple[Float64, NDArray[np.floating]]:
    """:func:`erde_loss` and its derivative with respect to ``student``.

    Args:
        student, teacher, labels, settings: those of :func:`erde_loss`, and their errors.
        out: where to write the gradient, float32 or float64 ``(N, E, C)``, contiguous; a loop
            that keeps it saves an allocation per call.

    Returns:
        loss, float64 ``(N, E)``, and gradient, float64 ``(N, E, C)`` or ``out``. The gradient is
        that of each sample's own loss: neither divided by N nor multiplied by ``exit_weights``.

    Raises:
        ValueError: ``out`` has another shape or dtype, or overlaps the student or the teacher.
    """
    student, teacher, labels = checked_arguments(student, teacher, labels, settings)
    if out is not None:
        out = checks.output_array(out, student, student, *([] if teacher is None else [teacher]))
    parts = _parts(student, teacher, labels, settings)
    gradient = _gradient(parts)
    if out is None:
        return _loss(parts), gradient
    out[...] = gradient
    return _loss(parts), out


def checked_arguments(
    student: ArrayLike, teacher: ArrayLike | None, labels: ArrayLike, settings: LossSettings
) -> tuple[NDArray[np.floating], NDArray[np.floating] | None, NDArray[np.int64]]:
    """The three arrays, checked against each other; a teacher that is not needed becomes None."""
    student = checks.float_array("student", student, ndim=3)
    labels = checks.class_labels(labels, student.shape[0], student.shape[2])
    if settings.entropy_scale == "log_c" and student.shape[2] < 2:
        raise ValueError("entropy_scale 'log_c' needs at least 2 classes, got 1")
    if teacher is None:
        if settings.needs_teacher:
            raise ValueError("teacher must be given for these settings, got None")
        return student, None, labels
    teacher = checks.float_array("teacher", teacher, ndim=3)
    checks.same_shape("teacher", teacher, "student", student)
    return student, teacher if settings.needs_teacher else None, labels


@dataclass(frozen=True)
class _Parts:
    """What loss and gradient share: each softmax is computed once."""

    temperature: float
    labels: NDArray[np.int64]
    weights: tuple[Float64, Float64, Float64]  # of CE, KD and ENT at (n, e), masks included
    usable: NDArray[np.bool_]
    student: Softmax
    soft_student: Softmax | None  # at the temperature, as is the target; None without KD
    target: Softmax | None


def _parts(
    student: NDArray, teacher: NDArray | None, labels: NDArray, settings: LossSettings
) -> _Parts:
    tau = settings.temperature
    weights = _term_weights(teacher, labels, settings, student.shape)
    needs_soft = weights[1].any()
    shifted = shift_to_zero(student)
    return _Parts(
        temperature=tau,
        labels=labels,
        weights=weights,
        usable=_usable(student, teacher, settings),
        student=softmax_of_shifted(shifted),
        soft_student=softmax_of_shifted(shifted / tau) if needs_soft else None,
        target=_tempered(teacher, tau) if needs_soft else None,
    )


def _loss(parts: _Parts) -> Float64:
    ce, kd, ent = parts.weights
    loss = _weighted(ce, _cross_entropy(parts.student, parts.labels))
    if parts.target is not None:
        loss += _weighted(kd, _kd_divergence(parts.soft_student, parts.target, parts.temperature))
    if ent.any():
        loss += _weighted(ent, expected_log(*parts.student))
    loss[~parts.usable] = np.nan
    return loss


def _gradient(parts: _Parts) -> Float64:
    ce, kd, ent = (weight[..., None] for weight in parts.weights)
    gradient = ce * parts.student.p
    gradient[np.arange(len(parts.labels)), :, parts.labels] -= ce[..., 0]
    if parts.target is not None:
        gradient += kd * parts.temperature * (parts.soft_student.p - parts.target.p)
    if ent.any():
        gradient += ent * _negative_entropy_slope(*parts.student)
    gradient[~parts.usable] = np.nan
    return gradient


def _term_weights(
    teacher: NDArray | None, labels: NDArray, settings: LossSettings, shape: tuple[int, int, int]
) -> tuple[Float64, Float64, Float64]:
    """The factors of CE, KD and ENT at every (n, e), masks included, each ``(N, E)``."""
    samples, exits, classes = shape
    everywhere = np.ones((samples, exits))
    if teacher is None:
        return settings.ce_weight * everywhere, 0 * everywhere, 0 * everywhere
    right = teacher_right(teacher, labels)
    if settings.right_from == "last":
        right = np.broadcast_to(right[:, -1:], right.shape)
    ent = settings.entropy_weight * ~right
    if settings.entropy_exits == "early":
        ent[:, -1] = 0
    if settings.entropy_scale == "log_c":
        ent = ent / math.log(classes)
    ce = settings.ce_weight * (right if settings.ce_mask == "right" else everywhere)
    kd = settings.kd_weight * (right if settings.kd_mask == "right" else everywhere)
    return ce, kd, ent


def _weighted(weight: Float64, term: Float64) -> Float64:
    """weight · term, where a weight of 0 wins over an infinite term."""
    return np.multiply(weight, term, out=np.zeros_like(term), where=weight != 0)


def _usable(student: NDArray, teacher: NDArray | None, settings: LossSettings) -> NDArray[np.bool_]:
    """Whether every row that the settings read at (n, e) is defined."""
    usable = _defined(student)
    if teacher is not None:
        usable &= _defined(teacher)
        if settings.right_from == "last":
            usable &= _defined(teacher[:, -1:])
    return usable


def _defined(logits: NDArray) -> NDArray[np.bool_]:
    """Rows whose largest entry is a finite number (NaN is the maximum of its row)."""
    return np.isfinite(logits.max(axis=-1))


def _tempered(logits: NDArray, temperature: float) -> Softmax:
    """softmax(logits / τ), the maximum subtracted before the division."""
    return softmax_of_shifted(shift_to_zero(logits) / temperature)


def _cross_entropy(student: Softmax, labels: NDArray) -> Float64:
    return -np.take_along_axis(student.log_p, labels[:, None, None], axis=2)[..., 0]


def _kd_divergence(student: Softmax, target: Softmax, temperature: float) -> Float64:
    with np.errstate(invalid="ignore"):  # both masked: -inf - -inf, but the class has no mass
        return temperature**2 * expected_log(target.p, target.log_p - student.log_p)


def _negative_entropy_slope(p: Float64, log_p: Float64) -> Float64:
    with np.errstate(invalid="ignore"):
        slope = p * (log_p - expected_log(p, log_p)[..., None])
    slope[p == 0] = 0.0
    return slope
