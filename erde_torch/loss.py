"""The distillation loss in PyTorch: what students are trained with, checked against ``erde_core``.

The formulas, names and outcomes of ``erde_core.loss``; derivatives come from autograd. Inputs of
any floating dtype and device; everything is computed in at least float32, outside autocast. No
value is copied to or from the host, so nothing waits for a GPU, and label ranges are not checked.
"""

import math

import torch
from torch import Tensor

from erde_core.errors import ErdeError
from erde_core.settings import LossSettings
from erde_torch.imitation import comparable, divergence, imitation, tempered


def distillation_loss(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor,
    settings: LossSettings,
    *,
    class_weight: Tensor | None = None,
    kd_factor: Tensor | None = None,
) -> Tensor:
    """mean over samples of Σ_e exit_weights[e] · loss[n, e], a scalar; see :func:`erde_loss`."""
    loss = erde_loss(
        student, teacher, labels, settings, class_weight=class_weight, kd_factor=kd_factor
    ).mean(0)
    if settings.exit_weights is None:
        return loss.sum()
    # Numbers, not a tensor of them: its copy to the GPU would wait for all work queued there.
    weights = settings.weights_of_exits(len(loss))
    weighted = (weight * of_exit for weight, of_exit in zip(weights, loss.unbind(), strict=True))
    return sum(weighted, loss.new_zeros(()))


def erde_loss(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor,
    settings: LossSettings,
    *,
    class_weight: Tensor | None = None,
    kd_factor: Tensor | None = None,
) -> Tensor:
    """The weighted sum of CE, KD, ENT and SELF per sample and exit (arXiv 2510.04856).

    Args:
        student: raw logits, floating point, ``(N, E, C)``.
        teacher: raw logits ``(N, E_t, C)``, any floating dtype, never differentiated; E_t may
            differ from E where the settings read the last row alone. None where they read none.
        labels: int64 in 0 … C - 1, ``(N,)``.
        settings: weights and masks.
        class_weight: factor of the cross-entropy by the label's class, floating point, ``(C,)``;
            its values are not checked.
        kd_factor: of ``kd_weight``, one number as a tensor without axes, so that a schedule
            compiles nothing anew; its value is not checked.

    Returns:
        float32 (float64 for float64 logits) ``(N, E)``; NaN, and NaN derivatives, where the
        reference gives NaN. The target of ``self_weight`` is not differentiated.

    Raises:
        ValueError: shapes or dtypes break the rules above, a needed teacher is missing, or there
            are fewer classes or exits than the settings need.
    """
    _check(student, teacher, labels, settings, class_weight)
    with torch.autocast(student.device.type, enabled=False):
        student = _at_least_float32(student)
        teacher = None if teacher is None else _at_least_float32(teacher.detach())
        teacher = teacher if settings.needs_teacher else None
        ce, kd, ent, itself = _term_weights(student.detach(), teacher, labels, settings)
        if class_weight is not None:
            ce = ce * _at_least_float32(class_weight)[labels][:, None]
        log_p = student.log_softmax(2)
        index = labels[:, None, None].expand(-1, student.shape[1], 1)
        loss = _weighted(ce, -log_p.gather(2, index)[..., 0])
        if teacher is not None and settings.kd_weight:
            kd = kd if kd_factor is None else kd * kd_factor
            term = imitation(student, _target(teacher, settings), labels, settings)
            loss = loss + _weighted(kd, term)
        if settings.entropy_weight:
            loss = loss + _weighted(ent, _negative_entropy(log_p))
        if settings.self_weight:
            loss = loss + _weighted(itself, _from_last_exit(student, settings.temperature))
        return loss


def _check(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor,
    settings: LossSettings,
    class_weight: Tensor | None,
) -> None:
    """What the reference checks, in its words, but for the range of labels and weights."""
    _check_logits("student", student)
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise ErdeError(f"labels must be an integer array, got dtype {_name(labels.dtype)}")
    if labels.shape != student.shape[:1]:
        wanted, found = tuple(student.shape[:1]), tuple(labels.shape)
        raise ErdeError(f"labels must have shape {wanted}, got {found}")
    settings.check_classes(student.shape[2])
    settings.check_exits(student.shape[1])
    if class_weight is not None:
        _check_floating("class_weight", class_weight)
        if class_weight.shape != student.shape[2:]:
            wanted, found = tuple(student.shape[2:]), tuple(class_weight.shape)
            raise ErdeError(f"class_weight must have shape {wanted}, got {found}")
    if teacher is not None:
        _check_logits("teacher", teacher)
        settings.check_teacher(tuple(teacher.shape), tuple(student.shape))
    elif settings.needs_teacher:
        raise ErdeError("teacher must be given for these settings, got None")


def _check_logits(name: str, logits: Tensor) -> None:
    shape = tuple(logits.shape)
    _check_floating(name, logits)
    if len(shape) != 3:
        raise ErdeError(f"{name} must have 3 axes, got shape {shape}")
    if 0 in shape[1:]:
        raise ErdeError(f"{name} must have at least one exit and class, got shape {shape}")


def _check_floating(name: str, values: Tensor) -> None:
    if not values.is_floating_point():
        raise ErdeError(f"{name} must be a floating-point array, got dtype {_name(values.dtype)}")


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


def _term_weights(
    student: Tensor, teacher: Tensor | None, labels: Tensor, settings: LossSettings
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The factors of CE, KD, ENT and SELF at every (n, e), masks included, ``(N, E)`` each.

    They are NaN where a row is undefined: as factors they spoil loss and derivative alike.
    """
    defined = student.amax(2).isfinite()
    right = torch.ones_like(defined)
    if teacher is not None and settings.reads_answer:
        largest, answer = _rows_of(teacher, settings.right_from).max(2)
        known = largest.isfinite()
        right = (known & (answer == labels[:, None])).expand_as(right)
        defined = defined & known
    if teacher is not None and settings.reads_target:
        defined = defined & comparable(student, labels, settings)
        defined = defined & comparable(_target(teacher, settings), labels, settings)
    if settings.self_weight:
        defined = defined & student[:, -1:].amax(2).isfinite()
    one = torch.where(defined, 1.0, math.nan).to(student.dtype)
    wrong, early = ~right, torch.ones_like(right)
    if settings.self_weight or settings.entropy_exits == "early":
        early[:, -1].zero_()  # in place on the device: a number assigned would be copied there
    if settings.entropy_exits == "early":
        wrong = wrong & early
    nats = math.log(student.shape[2]) if settings.entropy_scale == "log_c" else 1.0
    ce = settings.ce_weight * (one * right if settings.ce_mask == "right" else one)
    kd = settings.kd_weight * (one * right if settings.kd_mask == "right" else one)
    if settings.kd_exits == "late":
        kd[:, 0].zero_()
    ent = settings.entropy_weight / nats * (one * wrong)
    return ce, kd, ent, settings.self_weight * (one * early)


def _target(teacher: Tensor, settings: LossSettings) -> Tensor:
    """The rows that KD imitates, ``(N, E, C)`` or ``(N, 1, C)``."""
    return _rows_of(teacher, settings.target_from)


def _rows_of(teacher: Tensor, which: str) -> Tensor:
    return teacher[:, -1:] if which == "last" else teacher


def _from_last_exit(student: Tensor, temperature: float) -> Tensor:
    """SELF, ``(N, E)``; 0 at the last exit."""
    log_p = tempered(student, temperature)
    return temperature**2 * divergence(log_p, log_p[:, -1:].detach())


def _weighted(weight: Tensor, term: Tensor) -> Tensor:
    """weight · term, where a weight of 0 wins over an infinite term."""
    return torch.where(weight != 0, weight * term, 0.0)


def _negative_entropy(log_p: Tensor) -> Tensor:
    p = log_p.exp()
    return (p * torch.where(p > 0, log_p, 0.0)).sum(2)
