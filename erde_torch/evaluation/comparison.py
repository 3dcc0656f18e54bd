"""How sure the differences are: every variant against the others, paired over images and seeds.

At equal cost (20 budgets from the first exit's MACs, exclusive, to the full network's) and at equal
threshold. A network that was taught to be unsure leaves later at the same threshold and so costs
more there: rows at equal threshold therefore carry both costs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde_core.bootstrap import group_weights
from erde_core.fast.bootstrap import resampled_curves
from erde_core.intervals import new_seeds, these_seeds
from erde_core.policy import exit_indices
from erde_core.softmax import entropy
from erde_core.sorted_steps import sorted_steps
from erde_core.store.exit_logits import ExitLogits
from erde_core.sweep import accuracy_at, area_under_curve
from erde_torch.evaluation.operating_points import Row, Students, right_answers, split_sweep
from erde_torch.labels import family_of

RESAMPLES = 1000
BAND_BUDGETS = 100  # of which every fifth is one of the 20 that comparisons are made at
COMPARED = slice(4, None, 5)
THETAS = 20
_INTERVAL_COLUMNS = ("these_seeds_low", "these_seeds_high", "new_seeds_low", "new_seeds_high")
DIFFERENCE_COLUMNS = ("difference", *_INTERVAL_COLUMNS, "seeds")
COMPARISON_COLUMNS = (
    *("variant", "against", "equal", "at", "variant_macs", "against_macs"),
    *DIFFERENCE_COLUMNS,
)
OVERALL_COLUMNS = ("variant", "against", "equal", *DIFFERENCE_COLUMNS)


@dataclass(frozen=True)
class Resampled:
    """One variant on the test images and on R resamples of them; S seeds.

    Attributes:
        accuracy: at each budget ``(S, B)``; resampled mean over seeds ``(R, B)`` beside it.
        area: ``(S,)`` and ``(R,)``.
        at_theta: accuracy at each of T thresholds, ``(S, T)`` and ``(R, T)``.
        macs_at_theta: mean over seeds of the mean MACs, ``(T,)``.
    """

    accuracy: tuple[NDArray, NDArray]
    area: tuple[NDArray, NDArray]
    at_theta: tuple[NDArray, NDArray]
    macs_at_theta: NDArray


def check_complete(students: Students) -> None:
    """Refuse what cannot be paired.

    Raises:
        ValueError: a variant lacks a seed that another has, the test images differ in their
            labels or groups, or the networks in their MACs.
    """
    (first_key, first), *_ = students.items()
    seeds = {v: sorted(s for w, s in students if w == v) for v, _ in students}
    for variant, found in seeds.items():
        if found != seeds[first_key[0]]:
            raise ValueError(
                f"variant {variant} must have the seeds of {first_key[0]}, "
                f"{seeds[first_key[0]]}, got {found}"
            )
    for (variant, seed), student in students.items():
        same = np.array_equal(student.test.labels, first.test.labels)
        if not (same and np.array_equal(student.test.group, first.test.group)):
            raise ValueError(
                f"{variant}/seed{seed} must be measured on the test images of {first_key[0]}/"
                f"seed{first_key[1]}, got others"
            )
        if not np.array_equal(student.macs, first.macs):
            raise ValueError(
                f"{variant}/seed{seed} must have exits at {first.macs.tolist()} MACs as "
                f"{first_key[0]}, got {student.macs.tolist()}"
            )


def budgets_of(macs: NDArray[np.int64]) -> NDArray[np.float64]:
    """The budgets of the bands, from the first exit (exclusive) to the full network, ``(B,)``."""
    return np.linspace(macs[0], macs[-1], BAND_BUDGETS + 1)[1:]


def thetas_of(classes: int) -> NDArray[np.float64]:
    """The thresholds of the comparison at equal threshold, up to log C, ``(T,)``."""
    return np.linspace(0, math.log(classes), THETAS + 1)[1:]


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


def band_rows(resampled: Mapping[str, Resampled], macs: NDArray[np.int64]) -> list[Row]:
    """Mean accuracy over the seeds at each budget, with both intervals."""
    return [
        {"variant": name, "budget_macs": budget} | row
        for name, variant in resampled.items()
        for budget, row in zip(
            budgets_of(macs).tolist(), _with_intervals("accuracy", *variant.accuracy), strict=True
        )
    ]


def area_rows(resampled: Mapping[str, Resampled]) -> list[Row]:
    """Mean area under the curve over the seeds, with both intervals."""
    return [
        {"variant": name} | _with_intervals("area", *(a[..., None] for a in variant.area))[0]
        for name, variant in resampled.items()
    ]


def pairs(methods: Mapping[str, str]) -> list[tuple[str, str]]:
    """Which variants to compare.

    Each ERDE one with each that is not; where all or none are ERDE, the others with the first. Of
    variants from one list of values, each with the list's first too.
    """
    first, *rest = methods
    ours = [label for label, method in methods.items() if method == "erde"]
    others = [label for label in methods if label not in ours]
    if ours and others:
        crossed = [(one, other) for one in ours for other in others]
    else:
        crossed = [(first, other) for other in rest if family_of(other) != family_of(first)]
    families: dict[str, list[str]] = {}
    for label in methods:
        families.setdefault(family_of(label), []).append(label)
    listed = [(one, members[0]) for members in families.values() for one in members[1:]]
    return list(dict.fromkeys(crossed + listed))


def comparison_rows(
    resampled: Mapping[str, Resampled],
    methods: Mapping[str, str],
    macs: NDArray[np.int64],
    classes: int,
) -> list[Row]:
    """Differences in accuracy, ``variant`` minus ``against``, with both intervals.

    ``equal`` says what is held equal, ``macs`` or ``theta``; ``at`` its value (MACs or nats). At
    equal threshold the columns of MACs say what each side costs there.
    """
    rows = []
    for one, other in pairs(methods):
        a, b = resampled[one], resampled[other]
        names = {"variant": one, "against": other}
        at_budgets = _difference(a.accuracy, b.accuracy)
        compared = zip(budgets_of(macs).tolist(), at_budgets, strict=True)
        for budget, row in list(compared)[COMPARED]:
            costs = {"variant_macs": budget, "against_macs": budget}
            rows.append(names | {"equal": "macs", "at": budget} | costs | row)
        at_thetas = _difference(a.at_theta, b.at_theta)
        for k, (theta, row) in enumerate(zip(thetas_of(classes).tolist(), at_thetas, strict=True)):
            costs = {
                "variant_macs": float(a.macs_at_theta[k]),
                "against_macs": float(b.macs_at_theta[k]),
            }
            rows.append(names | {"equal": "theta", "at": theta} | costs | row)
    return rows


def overall_rows(resampled: Mapping[str, Resampled], methods: Mapping[str, str]) -> list[Row]:
    """One difference per pair for all 20 budgets (``equal`` is ``macs``) or thresholds (``theta``).

    It is the mean of what :func:`comparison_rows` holds at each. Twenty intervals that depend on
    each other do not add up to one verdict; the interval of their mean is one.
    """
    rows = []
    for one, other in pairs(methods):
        a, b = resampled[one], resampled[other]
        means = {
            "macs": [
                x[:, COMPARED] - y[:, COMPARED] for x, y in zip(a.accuracy, b.accuracy, strict=True)
            ],
            "theta": [x - y for x, y in zip(a.at_theta, b.at_theta, strict=True)],
        }
        for equal, differences in means.items():
            per_seed, again = (d.mean(axis=1, keepdims=True) for d in differences)
            names = {"variant": one, "against": other, "equal": equal}
            rows.append(names | _with_intervals("difference", per_seed, again)[0])
    return rows


def _resample(networks: list[ExitLogits], weights: NDArray) -> Resampled:
    accuracy, area, at_theta, costs = [], [], [], []
    resampled_accuracy, resampled_area, right = 0, 0, 0
    share = weights / weights.sum(axis=1, keepdims=True)
    for network in networks:
        h, correct = entropy(network.test.logits), right_answers(network.test)
        classes, budgets = network.test.logits.shape[2], budgets_of(network.macs)
        points = split_sweep(network.test, network.macs)
        accuracy.append(accuracy_at(points, budgets))
        area.append(area_under_curve(points))
        steps = sorted_steps(h, correct, network.macs, classes)
        at_budgets, areas = resampled_curves(steps, weights, budgets)
        resampled_accuracy = resampled_accuracy + at_budgets / len(networks)
        resampled_area = resampled_area + areas / len(networks)
        exits = np.column_stack([exit_indices(h, theta) for theta in thetas_of(classes)])
        rights = np.take_along_axis(correct, exits, axis=1)
        at_theta.append(rights.mean(axis=0))
        right = right + rights / len(networks)
        costs.append(network.macs[exits].mean(axis=0))
    return Resampled(
        (np.array(accuracy), resampled_accuracy),
        (np.array(area), resampled_area),
        (np.array(at_theta), share @ right),
        np.mean(costs, axis=0),
    )


def _difference(a: tuple[NDArray, NDArray], b: tuple[NDArray, NDArray]) -> list[Row]:
    return _with_intervals("difference", a[0] - b[0], a[1] - b[1])


def _with_intervals(name: str, per_seed: NDArray, resampled: NDArray) -> list[Row]:
    """One row per column: the mean, and its intervals for these and for new seeds."""
    mean = per_seed.mean(axis=0)
    ends = [end.tolist() for end in these_seeds(mean, resampled)]
    if len(per_seed) > 1:
        ends += [end.tolist() for end in new_seeds(per_seed, resampled)]
    else:
        ends += [[None] * len(mean)] * 2
    columns = (name, *_INTERVAL_COLUMNS, "seeds")
    seeds = [len(per_seed)] * len(mean)
    rows = zip(mean.tolist(), *ends, seeds, strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def difference_row(per_image: NDArray, weights: NDArray) -> Row:
    """A mean difference with its intervals, from ``(S, N)`` differences per seed and image."""
    share = weights / weights.sum(axis=1, keepdims=True)
    per_seed, resampled = per_image.mean(axis=1)[:, None], share @ per_image.mean(axis=0)[:, None]
    return _with_intervals("difference", per_seed, resampled)[0]
