"""How far a student's rows are from a target's, as ``erde_core.loss.imitation`` defines it.

Inputs in float32 or float64; a target of ``(N, 1, C)`` stands for all exits.
"""

import torch
from torch import Tensor

from erde_core.settings import LossSettings

# The published code adds it to the deviation.
_TINY = 1e-7


def imitation(student: Tensor, target: Tensor, labels: Tensor, settings: LossSettings) -> Tensor:
    """KD in the form of the settings, ``(N, E)``."""
    if settings.standardise:
        student, target = _standardised(student), _standardised(target)
    tau = settings.temperature
    if settings.decoupled is None:
        return tau**2 * divergence(tempered(student, tau), tempered(target, tau))
    return _decoupled(student, target, labels, tau, settings.decoupled)


def comparable(logits: Tensor, labels: Tensor, settings: LossSettings) -> Tensor:
    """Rows that :func:`imitation` can use, ``(N, E)``."""
    if settings.standardise:
        return logits.var(2).isfinite()  # NaN with any -inf, infinite where squares overflow
    if settings.decoupled is not None:
        others = logits.masked_fill(_is_label(labels, logits), -torch.inf)
        return logits.amax(2).isfinite() & others.amax(2).isfinite()
    return logits.amax(2).isfinite()


def _decoupled(
    student: Tensor,
    target: Tensor,
    labels: Tensor,
    temperature: float,
    weights: tuple[float, float],
) -> Tensor:
    split = [_split(_shifted(x) / temperature, labels) for x in (student, target)]
    parts = [
        weight * divergence(log_p, log_q)
        for weight, log_p, log_q in zip(weights, *split, strict=True)
        if weight > 0  # a part that is left out may be infinite
    ]
    return temperature**2 * sum(parts, student.new_zeros(student.shape[:2]))


def _split(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithms of the label against the rest ``(N, E, 2)``, and of the rest ``(N, E, C)``."""
    others = scores.masked_fill(_is_label(labels, scores), -torch.inf)
    label = scores.gather(2, labels[:, None, None].expand(-1, scores.shape[1], 1))
    against = torch.cat([label, others.logsumexp(2, keepdim=True)], 2)
    return against.log_softmax(2), others.log_softmax(2)


def _is_label(labels: Tensor, logits: Tensor) -> Tensor:
    """``(N, 1, C)``."""
    return torch.arange(logits.shape[2], device=labels.device) == labels[:, None, None]


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(q ‖ p) over the last axis."""
    q = log_q.exp()
    # where() keeps -inf - -inf of classes without mass out of the sum and out of the derivative.
    return (q * torch.where(q > 0, log_q - log_p, 0.0)).sum(2)


def tempered(logits: Tensor, temperature: float) -> Tensor:
    """log softmax(logits / τ), the maximum subtracted before the division."""
    return (_shifted(logits) / temperature).log_softmax(2)


def _shifted(logits: Tensor) -> Tensor:
    return logits - logits.detach().amax(2, keepdim=True)


def _standardised(logits: Tensor) -> Tensor:
    shifted = _shifted(logits)  # first, so that equal entries become exactly 0
    centred = shifted - shifted.mean(2, keepdim=True)
    return centred / (_TINY + shifted.std(2, keepdim=True))
