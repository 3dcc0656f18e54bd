"""The whole loss: which terms count where, their sum, and its derivative."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.loss import terms
from erde_core.loss.arguments import Arguments, checked_arguments
from erde_core.loss.imitation import Imitation, Plain, comparable, imitation
from erde_core.loss.terms import Labels, Logits, defined, tempered
from erde_core.settings import LossSettings
from erde_core.softmax import Float64, Softmax, expected_log


def erde_loss(
    student: ArrayLike,
    teacher: ArrayLike | None,
    labels: ArrayLike,
    settings: LossSettings,
    *,
    class_weight: ArrayLike | None = None,
) -> Float64:
    """The weighted sum per sample and exit, before ``exit_weights`` and the mean over samples.

    Args:
        student: raw logits, floating point, ``(N, E, C)``.
        teacher: raw logits, floating point, ``(N, E_t, C)``; E_t may differ from E where the
            settings read the last row alone. ``None`` where the settings need no teacher.
        labels: integers in 0 … C - 1, ``(N,)``.
        settings: weights and masks.
        class_weight: factor of the cross-entropy by the label's class, ``(C,)``, ≥ 0; all 1 by
            default. A balanced one is N / (C · count of the class).

    Returns:
        float64 ``(N, E)``.

    Raises:
        ValueError: shapes differ, a label is out of range, a needed teacher is missing, or
            there are fewer classes than ``entropy_scale``, ``standardise`` (2) or ``decoupled``
            (3) needs, or fewer exits than ``kd_exits`` (2).
    """
    arguments = checked_arguments(student, teacher, labels, settings, class_weight)
    return _loss(_parts(arguments, settings))


def erde_loss_and_gradient(
    student: ArrayLike,
    teacher: ArrayLike | None,
    labels: ArrayLike,
    settings: LossSettings,
    out: NDArray[np.floating] | None = None,
    *,
    class_weight: ArrayLike | None = None,
) -> tuple[Float64, NDArray[np.floating]]:
    """:func:`erde_loss` and its derivative with respect to ``student``.

    Args:
        student, teacher, labels, settings, class_weight: those of :func:`erde_loss`, and their
            errors.
        out: where to write the gradient, float32 or float64 ``(N, E, C)``, contiguous; a loop
            that keeps it saves an allocation per call.

    Returns:
        loss, float64 ``(N, E)``, and gradient, float64 ``(N, E, C)`` or ``out``. The gradient is
        that of each sample's own loss: neither divided by N nor multiplied by ``exit_weights``.
        The target of ``self_weight`` is held fixed: it gives the last exit no derivative.

    Raises:
        ValueError: ``out`` has another shape or dtype, or overlaps the student or the teacher.
    """
    arguments = checked_arguments(student, teacher, labels, settings, class_weight)
    if out is not None:
        read = [array for array in arguments[:2] if array is not None]
        out = checks.output_array(out, arguments.student, *read)
    parts = _parts(arguments, settings)
    gradient = _gradient(parts)
    if out is None:
        return _loss(parts), gradient
    out[...] = gradient
    return _loss(parts), out


@dataclass(frozen=True)
class _Weights:
    """The factor of each term at every (n, e), masks included, each ``(N, E)``."""

    ce: Float64
    kd: Float64
    ent: Float64
    itself: Float64


@dataclass(frozen=True)
class _Parts:
    """What loss and gradient share: each softmax is computed once."""

    labels: Labels
    weights: _Weights
    usable: NDArray[np.bool_]
    student: Softmax
    kd: Imitation | None  # None where no row needs it
    itself: Plain | None


def _parts(arguments: Arguments, settings: LossSettings) -> _Parts:
    student, teacher, labels, _ = arguments
    tau = settings.temperature
    weights = _term_weights(arguments, settings)
    kd = itself = None
    if teacher is not None and weights.kd.any():
        form = settings.standardise, settings.decoupled
        kd = imitation(student, _target(teacher, settings), labels, tau, *form)
    if weights.itself.any():
        itself = Plain(tau, tempered(student, tau), tempered(student[:, -1:], tau))
    return _Parts(
        labels=labels,
        weights=weights,
        usable=_usable(arguments, settings),
        student=tempered(student, 1.0),
        kd=kd,
        itself=itself,
    )


def _loss(parts: _Parts) -> Float64:
    weights = parts.weights
    loss = _weighted(weights.ce, terms.cross_entropy_of(parts.student, parts.labels))
    if parts.kd is not None:
        loss += _weighted(weights.kd, parts.kd.value())
    if weights.ent.any():
        loss += _weighted(weights.ent, expected_log(*parts.student))
    if parts.itself is not None:
        loss += _weighted(weights.itself, parts.itself.value())
    loss[~parts.usable] = np.nan
    return loss


def _gradient(parts: _Parts) -> Float64:
    weights = parts.weights
    gradient: Float64 = weights.ce[..., None] * parts.student.p
    gradient[np.arange(len(parts.labels)), :, parts.labels] -= weights.ce
    if parts.kd is not None:
        gradient += parts.kd.slope(weights.kd[..., None])
    if weights.ent.any():
        gradient += weights.ent[..., None] * terms.negative_entropy_slope(*parts.student)
    if parts.itself is not None:
        gradient += parts.itself.slope(weights.itself[..., None])
    gradient[~parts.usable] = np.nan
    return gradient


def _term_weights(arguments: Arguments, settings: LossSettings) -> _Weights:
    student, teacher, labels, class_weight = arguments
    everywhere: Float64 = np.ones(student.shape[:2])
    right: Float64 = np.zeros(student.shape[:2])  # where nobody asks
    if teacher is not None and settings.reads_answer:
        answers = terms.teacher_right(_answer(teacher, settings), labels)
        right = np.broadcast_to(answers.astype(np.float64), right.shape)
    ent: Float64 = settings.entropy_weight * (1 - right)
    if settings.entropy_exits == "early":
        ent[:, -1] = 0
    if settings.entropy_scale == "log_c":
        ent = ent / math.log(student.shape[2])
    ce: Float64 = settings.ce_weight * (right if settings.ce_mask == "right" else everywhere)
    if class_weight is not None:
        ce = ce * class_weight[labels][:, None]
    kd: Float64 = settings.kd_weight * (right if settings.kd_mask == "right" else everywhere)
    if settings.kd_exits == "late":
        kd[:, 0] = 0
    itself = settings.self_weight * everywhere
    itself[:, -1] = 0
    return _Weights(ce, kd, ent, itself)


def _target(teacher: Logits, settings: LossSettings) -> Logits:
    """The teacher's rows that KD imitates, ``(N, E, C)`` or ``(N, 1, C)``."""
    return teacher[:, -1:] if settings.target_from == "last" else teacher


def _answer(teacher: Logits, settings: LossSettings) -> Logits:
    """The teacher's rows that say whether it is right, ``(N, E, C)`` or ``(N, 1, C)``."""
    return teacher[:, -1:] if settings.right_from == "last" else teacher


def _weighted(weight: Float64, term: Float64) -> Float64:
    """weight · term, where a weight of 0 wins over an infinite term."""
    return np.multiply(weight, term, out=np.zeros_like(term), where=weight != 0)


def _usable(arguments: Arguments, settings: LossSettings) -> NDArray[np.bool_]:
    """Whether every row that the settings read at (n, e) is defined."""
    student, teacher, labels, _ = arguments
    usable = defined(student)
    if teacher is not None and settings.reads_answer:
        usable &= defined(_answer(teacher, settings))
    if teacher is not None and settings.reads_target:
        form = labels, settings.standardise, settings.decoupled
        usable &= comparable(student, *form) & comparable(_target(teacher, settings), *form)
    if settings.self_weight > 0:
        usable &= defined(student[:, -1:])
    return usable
