"""How far a student's rows are from a target's: plain, standardised and decoupled, with slopes.

With p = softmax(s/τ), q = softmax(t/τ), label y, and p', q' the same without the label's class::

    plain         τ² KL(q || p)                               τ (p - q)
    standardised  the same of z(s), z(t)                      z = (x - mean) / (1e-7 + deviation)
    decoupled     τ² (α KL(q_y, 1 - q_y || p_y, 1 - p_y)      τ α (p_y - q_y)                  at y
                      + β KL(q' || p'))                       τ (β (p' - q') - α (p_y - q_y) p')

The deviation is that of C - 1 degrees of freedom. 1 - p_y is a log-sum-exp over the other classes,
never a difference. Rows that are not defined give NaN, without a warning.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from erde_core.loss.terms import Labels, Logits, defined, divergence
from erde_core.softmax import Float64, Softmax, shift_to_zero, softmax_of_shifted

# The published code adds it to the deviation.
_TINY = 1e-7


@dataclass(frozen=True)
class Plain:
    """Two distributions at one temperature."""

    temperature: float
    student: Softmax
    target: Softmax

    def value(self) -> Float64:
        """τ² KL, ``(N, E)``."""
        return self.temperature**2 * divergence(self.student, self.target)

    def slope(self, weight: Float64) -> Float64:
        """``weight`` ``(N, E, 1)`` times the derivative, ``(N, E, C)``."""
        return weight * self.temperature * (self.student.p - self.target.p)


class Split(NamedTuple):
    """A distribution as the label against the rest ``(N, E, 2)``, and the rest ``(N, E, C)``."""

    of_label: Softmax
    among_others: Softmax


@dataclass(frozen=True)
class Decoupled:
    """Two distributions, each split at the label ``(N, 1, C)``."""

    temperature: float
    weights: tuple[float, float]
    is_label: NDArray[np.bool_]
    student: Split
    target: Split

    def value(self) -> Float64:
        """τ² (α KL of the label + β KL among the others), ``(N, E)``."""
        parts = (
            weight * divergence(student, target)
            for weight, student, target in zip(self.weights, self.student, self.target, strict=True)
            if weight > 0  # a part that is left out may be infinite
        )
        return self.temperature**2 * sum(parts, np.zeros(self.student.of_label.p.shape[:2]))

    def slope(self, weight: Float64) -> Float64:
        """``weight`` ``(N, E, 1)`` times the derivative, ``(N, E, C)``."""
        alpha, beta = self.weights
        p, q = self.student.among_others.p, self.target.among_others.p
        pull = alpha * (self.student.of_label.p - self.target.of_label.p)[..., :1]
        others = beta * (p - q) - pull * p
        return weight * self.temperature * np.where(self.is_label, pull, others)


@dataclass(frozen=True)
class Standardised:
    """``inner`` compares standardised rows; ``student`` is z of the student's ``logits``."""

    inner: Plain | Decoupled
    logits: Logits

    def value(self) -> Float64:
        """That of the standardised rows."""
        return self.inner.value()

    def slope(self, weight: Float64) -> Float64:
        """The derivative by the logits: that by z, through z's own derivative."""
        return _through_standardise(self.inner.slope(weight), self.logits)


Imitation = Plain | Decoupled | Standardised


def imitation(
    student: Logits,
    target: Logits,
    labels: Labels,
    temperature: float,
    standardise: bool,
    decoupled: tuple[float, float] | None,
) -> Imitation:
    """The comparison that the settings ask for; ``target`` is ``(N, E, C)`` or ``(N, 1, C)``."""
    rows = [shift_to_zero(logits) for logits in (student, target)]
    if standardise:
        rows = [shift_to_zero(_standardised(shifted)) for shifted in rows]
    rows = [shifted / temperature for shifted in rows]
    found: Plain | Decoupled
    if decoupled is None:
        found = Plain(temperature, *map(softmax_of_shifted, rows))
    else:
        is_label = _is_label(labels, student.shape[2])
        split = [_split(shifted, is_label) for shifted in rows]
        found = Decoupled(temperature, decoupled, is_label, *split)
    return Standardised(found, student) if standardise else found


def comparable(
    logits: Logits, labels: Labels, standardise: bool, decoupled: tuple[float, float] | None
) -> NDArray[np.bool_]:
    """Rows that :func:`imitation` can use."""
    if standardise:
        known: NDArray[np.bool_] = np.isfinite(_centred(logits)[1][..., 0])
        return known
    if decoupled is None:
        return defined(logits)
    is_label = _is_label(labels, logits.shape[2])
    return defined(logits) & defined(np.where(is_label, -np.inf, logits))


def _is_label(labels: Labels, classes: int) -> NDArray[np.bool_]:
    """``(N, 1, C)``."""
    is_label: NDArray[np.bool_] = np.arange(classes) == labels[:, None, None]
    return is_label


def _split(scores: Float64, is_label: NDArray[np.bool_]) -> Split:
    others = np.where(is_label, -np.inf, scores)
    largest = others.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = largest + np.log(np.exp(others - largest).sum(axis=-1, keepdims=True))
    label = np.where(is_label, scores, -np.inf).max(axis=-1, keepdims=True)
    against = np.concatenate([label, total], axis=-1)
    return Split(*(softmax_of_shifted(shift_to_zero(x)) for x in (against, others)))


def _centred(logits: Logits) -> tuple[Float64, Float64]:
    """Rows less their mean, and their deviation ``(…, 1)``: not finite with -inf, or too large."""
    shifted = shift_to_zero(logits)  # first, so that equal entries become exactly 0
    with np.errstate(invalid="ignore", over="ignore"):
        centred = shifted - shifted.mean(axis=-1, keepdims=True)
        squares = (centred * centred).sum(axis=-1, keepdims=True)
    return centred, np.sqrt(squares / (logits.shape[-1] - 1))


def _standardised(logits: Logits) -> Float64:
    centred, deviation = _centred(logits)
    return centred / (_TINY + deviation)


def _through_standardise(slope: Float64, logits: Logits) -> Float64:
    """∂/∂x where ``slope`` is ∂/∂z; a row of equal entries counts as one of fixed deviation."""
    centred, deviation = _centred(logits)
    scale = _TINY + deviation
    along = (slope * centred).sum(axis=-1, keepdims=True)
    bend = np.zeros_like(along)
    np.divide(along, scale * deviation * (logits.shape[-1] - 1), out=bend, where=deviation > 0)
    level = slope.mean(axis=-1, keepdims=True)  # 0 but for rounding
    with np.errstate(invalid="ignore"):
        through: Float64 = (slope - level - centred * bend) / scale
    return through
