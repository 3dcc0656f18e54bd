"""Every variant on the same resamples of the test images: its curve, and at given θ and budgets.

The curve (bands, area) is that of the test images: each point is of the θ that is best on them.
What is held against another variant at a budget is not: validation chooses the θ of every network,
and the test images only say what it gives.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.pareto import Students
from erde_core.choose import index_for_budget
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
class AtThresholds:
    """What the networks of one variant give at T thresholds each; S seeds, R resamples.

    Attributes:
        accuracy: ``(S, T)``.
        resampled: mean over the seeds on each resample, ``(R, T)``.
        macs: per test image, mean over the seeds, ``(T,)``.
    """

    accuracy: Float64
    resampled: Float64
    macs: Float64


@dataclass(frozen=True)
class Resampled:
    """One variant on the test images and on R resamples of them; S seeds.

    Attributes:
        macs: of its exits, ``(E,)``.
        curve: accuracy at each of :func:`budgets_of`, of the best θ on the (resampled) test images:
            ``(S, B)``, and the resampled mean over seeds ``(R, B)``.
        area: under that curve, ``(S,)`` and ``(R,)``.
        at_theta: at each of :func:`thetas_of`.
        within: at the θ that validation chooses for each of other budgets, ``(T,)``, in MACs.
        groups: independent groups of test images, which the resamples draw.
    """

    macs: NDArray[np.int64]
    curve: Drawn
    area: Drawn
    at_theta: AtThresholds
    within: Callable[[Float64], AtThresholds]
    groups: int


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
    curve, area = _curves(networks, weights, budgets_of(networks[0].macs))
    on_validation = [split_sweep(n.val, n.macs, n.score) for n in networks]

    def within(budgets: Float64) -> AtThresholds:
        chosen = []
        for network, points in zip(networks, on_validation, strict=True):
            index = [index_for_budget(points, budget, network.macs) for budget in budgets.tolist()]
            chosen.append(points.threshold[index])
        return _at_thresholds(networks, chosen, weights)

    return Resampled(
        networks[0].macs,
        curve,
        area,
        _at_thresholds(networks, [thetas_of(network.score) for network in networks], weights),
        within,
        len(np.unique(networks[0].test.group)),
    )


def _at_thresholds(
    networks: list[ScoredLogits], thresholds: list[Float64], weights: NDArray[np.int32]
) -> AtThresholds:
    """Every network at its own thresholds, equally many for each."""
    accuracy, costs = [], []
    mean_right = np.zeros((weights.shape[1], len(thresholds[0])))
    share = weights / weights.sum(axis=1, keepdims=True)
    for network, thetas in zip(networks, thresholds, strict=True):
        values = network.score.values(network.test.logits)
        exits = np.array([exit_indices(values, theta) for theta in thetas.tolist()]).T
        right = np.take_along_axis(right_answers(network.test), exits, axis=1)
        accuracy.append(right.mean(axis=0))
        costs.append(network.macs[exits].mean(axis=0))
        mean_right += right / len(networks)
    return AtThresholds(np.array(accuracy), share @ mean_right, np.mean(costs, axis=0))


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
