"""How sure the differences are: every variant against the others, paired over images and seeds.

At equal cost (20 budgets from the first exit's MACs, exclusive, to the full network's; of different
networks, from the dearer first exit to the cheaper end) and at equal threshold. A network that was
taught to be unsure leaves later at the same threshold and so costs more there: rows at equal
threshold therefore carry both costs.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.differences.resample import (
    COMPARED,
    Drawn,
    Float64,
    Resampled,
    budgets_of,
    shared_budgets,
    thetas_of,
)
from erde.experiment.names import family_of
from erde_core.scores.fitted import FittedScore
from erde_core.statistics.intervals import (
    DIFFERENCE,
    FRACTION,
    LEAST_GROUPS,
    new_seeds,
    these_seeds,
)
from erde_core.store.tables import Row

INTERVAL_COLUMNS = ("these_seeds_low", "these_seeds_high", "new_seeds_low", "new_seeds_high")
_TABLE_COLUMNS = (*INTERVAL_COLUMNS, "seeds", "intervals", "seed_lowest", "seed_highest")
DIFFERENCE_COLUMNS = ("difference", *_TABLE_COLUMNS)


def band_rows(resampled: Mapping[str, Resampled]) -> list[Row]:
    """Mean accuracy over the seeds at each budget of the variant, with both intervals."""
    return [
        {"variant": name, "budget_macs": budget} | row
        for name, variant in resampled.items()
        for budget, row in zip(
            budgets_of(variant.macs).tolist(),
            _with_intervals("accuracy", *variant.accuracy, variant.groups),
            strict=True,
        )
    ]


def area_rows(resampled: Mapping[str, Resampled]) -> list[Row]:
    """Mean area under the curve over the seeds, with both intervals."""
    return [
        {"variant": name}
        | _with_intervals(
            "area", variant.area[0][:, None], variant.area[1][:, None], variant.groups
        )[0]
        for name, variant in resampled.items()
    ]


def pairs(methods: Mapping[str, str]) -> list[tuple[str, str]]:
    """Which variants to compare.

    Each ERDE one with each that is not; where all or none are ERDE, the others with the first. Of
    variants from one list of values, each with the list's first too.
    """
    first, *rest = methods
    ours = [variant for variant, method in methods.items() if method == "erde"]
    others = [variant for variant in methods if variant not in ours]
    if ours and others:
        crossed = [(one, other) for one in ours for other in others]
    else:
        crossed = [(first, other) for other in rest if family_of(other) != family_of(first)]
    families: dict[str, list[str]] = {}
    for variant in methods:
        families.setdefault(family_of(variant), []).append(variant)
    listed = [(one, members[0]) for members in families.values() for one in members[1:]]
    return list(dict.fromkeys(crossed + listed))


def comparison_rows(
    resampled: Mapping[str, Resampled],
    methods: Mapping[str, str],
    score: FittedScore,
) -> list[Row]:
    """Differences in accuracy, ``variant`` minus ``against``, with both intervals.

    ``equal`` says what is held equal, ``macs`` or ``theta``; ``at`` its value (MACs or θ). At
    equal threshold the columns of MACs say what each side costs there.
    """
    named = {} if score.label == "entropy" else {"score": score.label}
    rows: list[Row] = []
    for one, other in pairs(methods):
        a, b = resampled[one], resampled[other]
        names = {"variant": one, "against": other}
        budgets, of_one, of_other = _at_equal_macs(a, b)
        at_budgets = zip(budgets.tolist(), _difference(of_one, of_other, a.groups), strict=True)
        for budget, row in _compared(list(at_budgets)):
            costs = {"variant_macs": budget, "against_macs": budget}
            rows.append(names | {"equal": "macs", "at": budget} | named | costs | row)
        at_thetas = _difference(a.at_theta, b.at_theta, a.groups)
        for k, (theta, row) in enumerate(zip(thetas_of(score).tolist(), at_thetas, strict=True)):
            costs = {
                "variant_macs": float(a.macs_at_theta[k]),
                "against_macs": float(b.macs_at_theta[k]),
            }
            rows.append(names | {"equal": "theta", "at": theta} | named | costs | row)
    return rows


def overall_rows(resampled: Mapping[str, Resampled], methods: Mapping[str, str]) -> list[Row]:
    """One difference per pair for all 20 budgets (``equal`` is ``macs``) or thresholds (``theta``).

    Networks that have no cost in common have no row at equal MACs.

    It is the mean of what :func:`comparison_rows` holds at each. Twenty intervals that depend on
    each other do not add up to one verdict; the interval of their mean is one.
    """
    rows: list[Row] = []
    for one, other in pairs(methods):
        a, b = resampled[one], resampled[other]
        budgets, of_one, of_other = _at_equal_macs(a, b)
        means = {"theta": [x - y for x, y in zip(a.at_theta, b.at_theta, strict=True)]}
        if len(budgets):
            chosen = COMPARED if len(budgets) > 1 else slice(None)
            both = zip(of_one, of_other, strict=True)
            means = {"macs": [x[:, chosen] - y[:, chosen] for x, y in both]} | means
        for equal, differences in means.items():
            per_seed, again = (d.mean(axis=1, keepdims=True) for d in differences)
            names = {"variant": one, "against": other, "equal": equal}
            rows.append(names | _with_intervals("difference", per_seed, again, a.groups)[0])
    return rows


def difference_row(
    per_image: Float64,
    weights: NDArray[np.int32],
    group: NDArray[np.int64],
    name: str = "difference",
) -> Row:
    """A mean difference, or another mean called ``name``, with its intervals.

    Args:
        per_image: differences per seed and image, ``(S, N)``.
        weights: copies of each image in each resample of the groups, ``(R, N)``.
        group: of each image, ``(N,)``.
    """
    share = weights / weights.sum(axis=1, keepdims=True)
    per_seed, resampled = per_image.mean(axis=1)[:, None], share @ per_image.mean(axis=0)[:, None]
    return _with_intervals(name, per_seed, resampled, len(np.unique(group)))[0]


def _at_equal_macs(a: Resampled, b: Resampled) -> tuple[Float64, Drawn, Drawn]:
    """The budgets that both can pay, as for bands, and the accuracies of both there."""
    if np.array_equal(a.macs, b.macs):
        return budgets_of(a.macs), a.accuracy, b.accuracy
    budgets = shared_budgets(a.macs, b.macs)
    return budgets, a.accuracy_within(budgets), b.accuracy_within(budgets)


def _compared(at_budgets: list[tuple[float, Row]]) -> list[tuple[float, Row]]:
    """Every fifth of the bands' budgets; of one alone that one."""
    return at_budgets[COMPARED] if len(at_budgets) > 1 else at_budgets


def _difference(a: Drawn, b: Drawn, groups: int) -> list[Row]:
    return _with_intervals("difference", a[0] - b[0], a[1] - b[1], groups)


def _with_intervals(name: str, per_seed: Float64, resampled: Float64, groups: int) -> list[Row]:
    """One row per column: the mean, its intervals for these and for new seeds, the seeds' range.

    ``intervals`` is ``ok``, or ``needs n test groups`` where there are too few for any; cells of
    an interval that cannot be given are empty.
    """
    mean = per_seed.mean(axis=0)
    nothing: list[list[float | None]] = [[None] * len(mean)] * 2
    ends = DIFFERENCE if name == "difference" else FRACTION
    these = new = None
    if groups >= LEAST_GROUPS:
        these = these_seeds(mean, resampled, groups=groups, ends=ends)
        if len(per_seed) > 1:
            new = new_seeds(per_seed, resampled, groups=groups, ends=ends)
    bounds = [
        bound
        for pair in (these, new)
        for bound in ([b.tolist() for b in pair] if pair else nothing)
    ]
    status = "ok" if these else f"needs {LEAST_GROUPS} test groups"
    columns = (name, *_TABLE_COLUMNS)
    seeds = zip(per_seed.min(axis=0).tolist(), per_seed.max(axis=0).tolist(), strict=True)
    return [
        dict(zip(columns, (*row, len(per_seed), status, *across), strict=True))
        for row, across in zip(zip(mean.tolist(), *bounds, strict=True), seeds, strict=True)
    ]
