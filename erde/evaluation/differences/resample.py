"""Every variant on the same resamples of the test images, at equal budgets and thresholds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.pareto import Students
from erde_core.errors import ErdeError
from erde_core.fast.bootstrap import resampled_curves
from erde_core.outcomes import right_answers, split_sweep
from erde_core.policy import exit_indices
from erde_core.scores.fitted import FittedScore
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.statistics.bootstrap import group_weights
from erde_core.statistics.sorted_steps import sorted_steps
from erde_core.sweep import accuracy_at, area_under_curve

RESAMPLES = 1000
BAND_BUDGETS = 100  # of which every fifth is one of the 20 that comparisons are made at
COMPARED = slice(4, None, 5)
THETAS = 20

Float64 = NDArray[np.float64]
Drawn = tuple[Float64, Float64]  # a value on the test images, and on R resamples of them


@dataclass(frozen=True)
class Resampled:
    """One variant on the test images and on R resamples of them; S seeds.

    Attributes:
        macs: of its exits, ``(E,)``.
        accuracy: at each budget of its own ``(S, B)``; resampled mean over seeds ``(R, B)`` beside
            it.
        area: ``(S,)`` and ``(R,)``.
        at_theta: accuracy at each of T thresholds, ``(S, T)`` and ``(R, T)``.
        macs_at_theta: mean over seeds of the mean MACs, ``(T,)``.
        groups: independent groups of test images, which the resamples draw.
        accuracy_within: the same as ``accuracy`` for other budgets.
    """

    macs: NDArray[np.int64]
    accuracy: Drawn
    area: Drawn
    at_theta: Drawn
    macs_at_theta: Float64
    groups: int
    accuracy_within: Callable[[Float64], Drawn]


def check_complete(students: Students) -> None:
    """Refuse what cannot be paired.

    Raises:
        ValueError: a variant lacks a seed that another has, the test images differ in their
            labels or groups, or the networks of a variant in their MACs.
    """
    (first_key, first), *_ = students.items()
    seeds = {v: sorted(s for w, s in students if w == v) for v, _ in students}
    for variant, found in seeds.items():
        if found != seeds[first_key[0]]:
            raise ErdeError(
                f"variant {variant} must have the seeds of {first_key[0]}, "
                f"{seeds[first_key[0]]}, got {found}"
            )
    for (variant, seed), student in students.items():
        same = np.array_equal(student.test.labels, first.test.labels)
        if not (same and np.array_equal(student.test.group, first.test.group)):
            raise ErdeError(
                f"{variant}/seed{seed} must be measured on the test images of {first_key[0]}/"
                f"seed{first_key[1]}, got others"
            )
        alike = students[variant, seeds[variant][0]]
        if not np.array_equal(student.macs, alike.macs):
            raise ErdeError(
                f"{variant}/seed{seed} must have exits at {alike.macs.tolist()} MACs as "
                f"seed{seeds[variant][0]}, got {student.macs.tolist()}"
            )


def budgets_of(macs: NDArray[np.int64]) -> NDArray[np.float64]:
    """The budgets of the bands, from the first exit (exclusive) to the full network, ``(B,)``."""
    return np.linspace(macs[0], macs[-1], BAND_BUDGETS + 1)[1:]


def thetas_of(score: FittedScore) -> NDArray[np.float64]:
    """The thresholds of the comparison at equal threshold, ``(T,)``.

    Up to half of the loosest one: log C, of entropies.
    """
    return np.linspace(0, score.largest / 2, THETAS + 1)[1:]


def resample_variants(students: Students) -> dict[str, Resampled]:
    """Every variant on the same resamples of the test images."""
    check_complete(students)
    test = next(iter(students.values())).test
    weights = group_weights(test.group, RESAMPLES, seed=0)
    variants = dict.fromkeys(variant for variant, _ in students)
    return {
        name: _resample([s for (v, _), s in students.items() if v == name], weights)
        for name in variants
    }


def shared_budgets(one: NDArray[np.int64], other: NDArray[np.int64]) -> Float64:
    """Budgets at which two networks can be compared.

    As :func:`budgets_of`, from the dearer first exit to the cheaper end; one alone where these are
    the same (a plain network has but one cost), none where the networks have no cost in common.
    """
    low, high = max(one[0], other[0]), min(one[-1], other[-1])
    if low >= high:
        return np.full(int(low == high), float(low))
    return budgets_of(np.array([low, high]))


def _resample(networks: list[ScoredLogits], weights: NDArray[np.int32]) -> Resampled:
    at_theta, costs = [], []
    right = np.zeros((weights.shape[1], THETAS))
    share = weights / weights.sum(axis=1, keepdims=True)
    for network in networks:
        score, correct = network.score, right_answers(network.test)
        values = score.values(network.test.logits)
        exits = np.column_stack([exit_indices(values, theta) for theta in thetas_of(score)])
        rights = np.take_along_axis(correct, exits, axis=1)
        at_theta.append(rights.mean(axis=0))
        right = right + rights / len(networks)
        costs.append(network.macs[exits].mean(axis=0))
    accuracy, area = _curves(networks, weights, budgets_of(networks[0].macs))
    return Resampled(
        networks[0].macs,
        accuracy,
        area,
        (np.array(at_theta), share @ right),
        np.mean(costs, axis=0),
        len(np.unique(networks[0].test.group)),
        lambda budgets: _curves(networks, weights, budgets)[0],
    )


def _curves(
    networks: list[ScoredLogits], weights: NDArray[np.int32], budgets: Float64
) -> tuple[Drawn, Drawn]:
    """Accuracy at ``budgets``, and the area under the whole curve."""
    accuracy, area = [], []
    resampled_accuracy = np.zeros((len(weights), len(budgets)))
    resampled_area = np.zeros(len(weights))
    for network in networks:
        score, correct = network.score, right_answers(network.test)
        values = score.values(network.test.logits)
        points = split_sweep(network.test, network.macs, score)
        accuracy.append(accuracy_at(points, budgets))
        area.append(area_under_curve(points))
        steps = sorted_steps(values, correct, network.macs, largest=score.largest)
        at_budgets, areas = resampled_curves(steps, weights, budgets)
        resampled_accuracy = resampled_accuracy + at_budgets / len(networks)
        resampled_area = resampled_area + areas / len(networks)
    return (np.array(accuracy), resampled_accuracy), (np.array(area), resampled_area)
