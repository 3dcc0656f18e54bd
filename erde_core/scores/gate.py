"""A gate per exit: 1 - P(this exit is no worse than the last), learnt from the exit's own answer.

Logistic regression on three standardised features of one exit, so that a deployed network can
compute it where it stands. Ridge 1 on the weights, as scikit-learn's ``LogisticRegression(C=1)``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.errors import ErdeError
from erde_core.scores import entropy, margin
from erde_core.softmax import Float64, shift_to_zero, softmax

FEATURES = ("log_odds", "margin", "entropy")
LARGEST_LOG_ODDS = 50.0  # beyond it a probability is 1 in float64, and a masked class infinite
_STEPS = 100  # of Newton's method; about seven are needed


@dataclass(frozen=True)
class Gate:
    """What was learnt, for the E - 1 early exits and three features.

    P = 1 / (1 + exp(-(intercept + Σ weights · (feature - mean) / scale))).

    Attributes:
        mean, scale: of each feature on the images that it was learnt from, ``(E - 1, 3)``.
        weights: ``(E - 1, 3)``.
        intercept: ``(E - 1,)``.
    """

    mean: Float64
    scale: Float64
    weights: Float64
    intercept: Float64

    def values(self, logits: ArrayLike) -> Float64:
        """1 - P of raw logits ``(N, E, C)``, float64 ``(N, E)``, 0 … 1.

        0 at the last exit, NaN for undefined rows.

        Raises:
            ValueError: logits of another number of exits.
        """
        found = features(logits)
        exits = len(self.intercept) + 1
        if found.shape[1] != exits:
            raise ErdeError(f"logits must have {exits} exits as the gate, got {found.shape[1]}")
        standard = (found[:, :-1] - self.mean) / self.scale
        score = np.zeros(found.shape[:2])
        with np.errstate(over="ignore"):  # exp of a large number is inf, and the score 0
            score[:, :-1] = 1 / (1 + np.exp(self.intercept + (standard * self.weights).sum(axis=2)))
        score[:, -1] = np.where(np.isnan(found[:, -1]).any(axis=1), np.nan, 0.0)
        return score


def largest(classes: int) -> float:
    """A little above 1, which a probability may reach by rounding."""
    checks.class_count(classes)
    return 1 + 1e-9


def features(logits: ArrayLike) -> Float64:
    """Log-odds of the largest probability (at most 50), margin, entropy; ``(N, E, 3)``."""
    logits = checks.float_array("logits", logits, ndim=3)
    p = softmax(logits)
    top = p.argmax(axis=-1, keepdims=True)
    shifted = shift_to_zero(logits)
    undefined = np.isnan(p).any(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):  # NaN rows; nothing but masked classes
        others = np.exp(shifted)
        np.put_along_axis(others, top, 0.0, axis=-1)
        log_odds = np.minimum(-np.log(others.sum(axis=-1)), LARGEST_LOG_ODDS)
    log_odds = np.where(undefined, np.nan, log_odds)
    return np.stack([log_odds, margin.values(logits), entropy.values(logits)], axis=-1)


def fit(logits: NDArray[np.floating], correct: NDArray[np.bool_]) -> Gate:
    """A gate for each early exit.

    Args:
        logits: raw, ``(N, E, C)``, of images that nothing else is certified or measured on.
        correct: whether each exit is right, ``(N, E)``. An exit is no worse than the last where it
            is right, or the last wrong.

    Raises:
        ValueError: shapes that do not fit, or no image with defined logits.
    """
    found = features(logits)
    if correct.shape != found.shape[:2]:
        raise ErdeError(
            f"correct must have the shape {found.shape[:2]} of logits, got {correct.shape}"
        )
    no_worse = correct[:, :-1] | ~correct[:, -1:]
    parts = [_fit_exit(found[:, e], no_worse[:, e]) for e in range(found.shape[1] - 1)]
    mean, scale, weights, intercept = (np.array([part[i] for part in parts]) for i in range(4))
    shape = (len(parts), len(FEATURES))
    return Gate(mean.reshape(shape), scale.reshape(shape), weights.reshape(shape), intercept)


def _fit_exit(
    found: Float64, no_worse: NDArray[np.bool_]
) -> tuple[Float64, Float64, Float64, float]:
    """Mean, scale, weights and intercept of one exit."""
    known = ~np.isnan(found).any(axis=1)
    found, target = found[known], no_worse[known].astype(np.float64)
    if not len(found):
        raise ErdeError("logits must be defined for at least one image, got none to fit a gate to")
    mean, scale = found.mean(axis=0), found.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    right = target.sum()
    if right in (0, len(target)):  # one outcome only has no finite intercept: add half a case
        return (
            mean,
            scale,
            np.zeros(len(FEATURES)),
            float(np.log((right + 0.5) / (len(target) - right + 0.5))),
        )
    design = np.column_stack([(found - mean) / scale, np.ones(len(found))])
    beta = _newton(design, target)
    return mean, scale, beta[:-1], float(beta[-1])


def _newton(design: Float64, target: Float64) -> Float64:
    """The minimum of Σ log-loss + ½ · ‖weights‖², the last column (the intercept) unpenalised."""
    ridge = np.append(np.ones(design.shape[1] - 1), 0.0)
    beta = np.zeros(design.shape[1])
    loss = _loss(design, target, beta, ridge)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-_product(design, beta)))
        gradient = _product(design.T, chance - target) + ridge * beta
        # einsum adds in a fixed order; the order of BLAS depends on the machine's threads.
        curvature = np.einsum("ni,n,nj->ij", design, chance * (1 - chance), design) + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-9 and _loss(design, target, beta - size * step, ridge) > loss:
            size /= 2
        beta = beta - size * step
        before, loss = loss, _loss(design, target, beta, ridge)
        if before - loss <= 1e-13 * abs(loss):
            break
    return beta


def _loss(design: Float64, target: Float64, beta: Float64, ridge: Float64) -> float:
    odds = _product(design, beta)
    return float((np.logaddexp(0, odds) - target * odds).sum() + (ridge * beta**2).sum() / 2)


def _product(matrix: Float64, vector: Float64) -> Float64:
    product: Float64 = np.einsum("ij,j->i", matrix, vector)
    return product
