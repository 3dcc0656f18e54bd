"""A threshold with a guarantee: how rarely leaving early harms an answer that was right.

The method is learn-then-test (Angelopoulos et al., 2021, arXiv 2110.01052) with fixed-sequence
testing. What is and is not guaranteed stands in :func:`certified_threshold`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core.errors import ErdeError
from erde_core.statistics.exact_tail import check_probability, critical_count, units_needed
from erde_core.statistics.sorted_steps import SortedSteps, sorted_steps, weighted_right

__all__ = [
    "Certificate",
    "certified_index",
    "certified_threshold",
    "critical_count",
    "harm_counts",
    "harm_steps",
    "one_per_group",
    "units_needed",
]


@dataclass(frozen=True)
class Certificate:
    """A certified threshold and what it rests on.

    Attributes:
        threshold: in the score's unit (nats, of entropies); every smaller one is certified too.
        harmed: validation units answered wrongly by their early exit, rightly by the full network.
        units: independent validation units, n.
        epsilon, delta: the guarantee.
    """

    threshold: float
    harmed: int
    units: int
    epsilon: float
    delta: float


def certified_threshold(
    score: ArrayLike,
    correct: ArrayLike,
    classes: int | None = None,
    *,
    epsilon: float,
    delta: float,
    group: ArrayLike | None = None,
    largest: float | None = None,
) -> Certificate:
    """The loosest threshold that fixed-sequence testing certifies.

    For one network fixed beforehand and n independent validation images, with probability at
    least 1 - ``delta`` over them:

        P(a new image is answered wrongly by its early exit and rightly by the full network)
            <= ``epsilon``

    at the returned threshold and at every stricter one. Every operating point is tested from
    strict to loose with the exact binomial tail, and the first that fails ends the search: points
    beyond it may pass by luck, because the risk need not grow with the threshold. Only the order
    is fixed beforehand, not the points: between two validation scores no decision changes, so
    every threshold of the continuum is tested.

    The guarantee holds for one network and one ``epsilon``. Who asks for m of them (networks,
    epsilons, or both) and wants all to hold together passes ``delta`` / m. Images that also tuned
    something (early stopping, a temperature, thresholds per exit) are not independent of it:
    split the validation images and certify on the part that tuned nothing. New images must come
    from the distribution of the validation images; a shift voids the guarantee.

    Args:
        score: how unsure each exit is, ``(N, E)``, as for :func:`erde_core.sweep`.
        correct: bool ``(N, E)``, whether each exit's answer is right.
        classes: C, of entropies.
        epsilon: largest probability of a harmed answer, in (0, 1).
        delta: probability with which the guarantee may fail, in (0, 1).
        group: int ``(N,)``; images that share a source. Of each group one image counts, drawn
            with a fixed seed, and "a new image" means one image of a new group.
        largest: in place of ``classes``, for any other score.

    Raises:
        ValueError: epsilon or delta outside (0, 1), wrong shapes, or fewer than
            :func:`units_needed` units, with which nothing can be certified.
    """
    check_probability("epsilon", epsilon)
    check_probability("delta", delta)
    steps = harm_steps(score, correct, classes, largest=largest)
    weights = one_per_group(group, len(steps.right))
    units = int(weights.sum())
    critical = critical_count(units, epsilon, delta)
    if critical < 0:
        raise ErdeError(
            f"validation images must be at least {units_needed(epsilon, delta)} to certify "
            f"epsilon = {epsilon:g} at delta = {delta:g}, got {units} independent ones"
        )
    harmed = harm_counts(steps, weights[None])
    index = int(certified_index(harmed, critical)[0])
    threshold = float(steps.threshold[index])
    return Certificate(threshold, int(harmed[0, index]), units, epsilon, delta)


def harm_steps(
    score: ArrayLike,
    correct: ArrayLike,
    classes: int | None = None,
    *,
    largest: float | None = None,
) -> SortedSteps:
    """The steps of a network whose "right" means: not harmed by leaving early."""
    correct = np.asarray(correct)
    harmless = correct | ~correct[:, -1:] if correct.dtype == np.bool_ else correct
    exits = correct.shape[1] if correct.ndim == 2 else 0
    return sorted_steps(score, harmless, np.arange(exits), classes, largest=largest)


def harm_counts(steps: SortedSteps, weights: ArrayLike) -> NDArray[np.int64]:
    """Harmed units at every point for each weighting ``(R, N)``, int64 ``(R, K)``."""
    units: NDArray[np.int64] = np.asarray(weights).sum(axis=1, keepdims=True)
    return units - weighted_right(steps, weights)


def certified_index(harmed: NDArray[np.int64], critical: int) -> NDArray[np.int64]:
    """The last point before the first with more than ``critical`` harmed units, ``(R,)``.

    Raises:
        ValueError: ``critical`` is below 0: then not even the strictest point, at which nobody is
            harmed, is certified.
    """
    if critical < 0:
        raise ErdeError(f"critical must be at least 0 to certify anything, got {critical}")
    fails = harmed > critical
    first: NDArray[np.int64] = np.where(fails.any(axis=1), fails.argmax(axis=1), harmed.shape[1])
    return first - 1


def one_per_group(group: ArrayLike | None, samples: int) -> NDArray[np.int64]:
    """1 for one image of each group, drawn with a fixed seed, and 0 for the others, ``(N,)``."""
    if group is None:
        return np.ones(samples, dtype=np.int64)
    group = np.asarray(group)
    if group.shape != (samples,):
        raise ErdeError(f"group must have shape ({samples},), got {group.shape}")
    order = np.random.default_rng(0).permutation(samples)
    _, first = np.unique(group[order], return_index=True)
    weights = np.zeros(samples, dtype=np.int64)
    weights[order[first]] = 1
    return weights
