"""The distillation loss in PyTorch: what students are trained with, checked against ``erde_core``.

The formulas, names and outcomes of ``erde_core.loss``; derivatives come from autograd. Inputs of
any floating dtype and device; everything is computed in at least float32, outside autocast. No
value is copied to or from the host, so nothing waits for a GPU, and label ranges are not checked.
"""

import math

import torch
from torch import Tensor

from erde_core.settings import LossSettings


def distillation_loss(
    student: Tensor, teacher: Tensor | None, labels: Tensor, settings: LossSettings
) -> Tensor:
    """mean over samples of Σ_e exit_weights[e] · loss[n, e], a scalar; see :func:`erde_loss`."""
    loss = erde_loss(student, teacher, labels, settings).mean(0)
    if settings.exit_weights is None:
        return loss.sum()
    # Numbers, not a tensor of them: its copy to the GPU would wait for all work queued there.
    weights = settings.weights_of_exits(len(loss))
    return sum(weight * of_exit for weight, of_exit in zip(weights, loss.unbind(), strict=True))


def erde_loss(
    student: Tensor, teacher: Tensor | None, labels: Tensor, settings: LossSettings
) -> Tensor:
    """The weighted sum of CE, KD and ENT per sample and exit (arXiv 2510.04856).

    Args:
        student: raw logits, floating point, ``(N, E, C)``.
        teacher: raw logits of that shape, any floating dtype, never differentiated; None where
            the settings need no teacher.
        labels: int64 in 0 … C - 1, ``(N,)``.
        settings: weights and masks.

    Returns:
        float32 (float64 for float64 logits) ``(N, E)``; NaN, and NaN derivatives, where the
        reference gives NaN.

    Raises:
        ValueError: shapes or dtypes break the rules above, a needed teacher is missing, or
            ``entropy_scale`` is ``log_c`` with fewer than two classes.
    """
    _check(student, teacher, labels, settings)
    with torch.autocast(student.device.type, enabled=False):
        student = _at_least_float32(student)
        teacher = _at_least_float32(teacher.detach()) if settings.needs_teacher else None
        ce, kd, ent = _term_weights(student.detach(), teacher, labels, settings)
        log_p = student.log_softmax(2)
        index = labels[:, None, None].expand(-1, student.shape[1], 1)
        loss = _weighted(ce, -log_p.gather(2, index)[..., 0])
        if settings.kd_weight:
            loss = loss + _weighted(kd, _kd_divergence(student, teacher, settings.temperature))
        if settings.entropy_weight:
            loss = loss + _weighted(ent, _negative_entropy(log_p))
        return loss


def _check(student: Tensor, teacher: Tensor | None, labels: Tensor, settings: LossSettings) -> None:
    """What the reference checks, in its words, but for the range of the labels."""
    _check_logits("student", student)
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"labels must be an integer array, got dtype {_name(labels.dtype)}")
    if labels.shape != student.shape[:1]:
        wanted, found = tuple(student.shape[:1]), tuple(labels.shape)
        raise ValueError(f"labels must have shape {wanted}, got {found}")
    if settings.entropy_scale == "log_c" and student.shape[2] < 2:
        raise ValueError("entropy_scale 'log_c' needs at least 2 classes, got 1")
    if teacher is None:
        if settings.needs_teacher:
            raise ValueError("teacher must be given for these settings, got None")
        return
    _check_logits("teacher", teacher)
    if teacher.shape != student.shape:
        wanted, found = tuple(student.shape), tuple(teacher.shape)
        raise ValueError(f"teacher must have the shape of student, got {found} and {wanted}")


def _check_logits(name: str, logits: Tensor) -> None:
    shape = tuple(logits.shape)
    if not logits.is_floating_point():
        raise ValueError(f"{name} must be a floating-point array, got dtype {_name(logits.dtype)}")
    if len(shape) != 3:
        raise ValueError(f"{name} must have 3 axes, got shape {shape}")
    if 0 in shape[1:]:
        raise ValueError(f"{name} must have at least one exit and class, got shape {shape}")


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


def _term_weights(
    student: Tensor, teacher: Tensor | None, labels: Tensor, settings: LossSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """The factors of CE, KD and ENT at every (n, e), masks included, ``(N, E)`` each.

    They are NaN where a row is undefined: as factors they spoil loss and derivative alike.
    """
    defined = student.amax(2).isfinite()
    right = torch.ones_like(defined)
    if teacher is not None:
        largest, answer = teacher.max(2)
        known = largest.isfinite()
        right = known & (answer == labels[:, None])
        defined = defined & known
        if settings.right_from == "last":
            right = right[:, -1:].expand_as(right)
            defined = defined & known[:, -1:]
    one = torch.where(defined, 1.0, math.nan).to(student.dtype)
    wrong = ~right
    if settings.entropy_exits == "early":
        wrong[:, -1].zero_()  # in place on the device: a number assigned would be copied there
    nats = math.log(student.shape[2]) if settings.entropy_scale == "log_c" else 1.0
    ce = settings.ce_weight * (one * right if settings.ce_mask == "right" else one)
    kd = settings.kd_weight * (one * right if settings.kd_mask == "right" else one)
    return ce, kd, settings.entropy_weight / nats * (one * wrong)


def _weighted(weight: Tensor, term: Tensor) -> Tensor:
    """weight · term, where a weight of 0 wins over an infinite term."""
    return torch.where(weight != 0, weight * term, 0.0)


def _kd_divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    log_p = _tempered(student, temperature)
    log_q = _tempered(teacher, temperature)
    q = log_q.exp()
    # where() keeps -inf - -inf of classes without mass out of the sum and out of the derivative.
    return temperature**2 * (q * torch.where(q > 0, log_q - log_p, 0.0)).sum(2)


def _tempered(logits: Tensor, temperature: float) -> Tensor:
    """log softmax(logits / τ), the maximum subtracted before the division."""
    return ((logits - logits.detach().amax(2, keepdim=True)) / temperature).log_softmax(2)


def _negative_entropy(log_p: Tensor) -> Tensor:
    p = log_p.exp()
    return (p * torch.where(p > 0, log_p, 0.0)).sum(2)
