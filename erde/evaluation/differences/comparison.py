"""How sure the differences are: every variant against the others, paired over images and seeds.

At equal cost (20 budgets from the first exit's MACs, exclusive, to the full network's; of different
networks, from the dearer first exit to the cheaper end) and at equal threshold. For a budget the
validation images choose θ of every network, so that its cost on the test images is near the budget,
not equal to it. A network that was taught to be unsure leaves later at the same threshold and so
costs more there. All rows therefore carry both costs.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.differences.resample import (
    COMPARED,
    AtThresholds,
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
THETA_FROM = {"macs": "validation", "theta": "given"}  # of each network, by what is held equal
DIFFERENCE_COLUMNS = ("difference", *_TABLE_COLUMNS)


def band_rows(resampled: Mapping[str, Resampled]) -> list[Row]:
    """Mean accuracy of the test curve at each budget of the variant, with both intervals."""
    return [
        {"variant": name, "budget_macs": budget} | row
        for name, variant in resampled.items()
        for budget, row in zip(
            budgets_of(variant.macs).tolist(),
            _with_intervals("accuracy", *variant.curve, variant.groups),
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

    ``equal`` says what is held equal, ``macs`` or ``theta``; ``at`` its value (MACs or θ);
    ``theta_from`` whence θ of each network is (:data:`THETA_FROM`). The columns of MACs say what
    each side costs on the test images there.
    """
    named = {} if score.label == "entropy" else {"score": score.label}
    rows: list[Row] = []
    for one, other in pairs(methods):
        a, b = resampled[one], resampled[other]
        for equal, values, of_a, of_b in _held_equal(a, b, score):
            same = {"variant": one, "against": other, "equal": equal}
            differences = _with_intervals(
                "difference",
                of_a.accuracy - of_b.accuracy,
                of_a.resampled - of_b.resampled,
                a.groups,
            )
            for k, (value, row) in enumerate(zip(values.tolist(), differences, strict=True)):
                place = {"at": value} | named | {"theta_from": THETA_FROM[equal]}
                costs = {"variant_macs": float(of_a.macs[k]), "against_macs": float(of_b.macs[k])}
                rows.append(same | place | costs | row)
    return rows


def overall_rows(
    resampled: Mapping[str, Resampled], methods: Mapping[str, str], score: FittedScore
) -> list[Row]:
    """One difference per pair for all 20 budgets (``equal`` is ``macs``) or thresholds (``theta``).

    Networks that have no cost in common have no row at equal MACs.

    It is the mean of what :func:`comparison_rows` holds at each. Twenty intervals that depend on
    each other do not add up to one verdict; the interval of their mean is one.
    """
    rows: list[Row] = []
    for one, other in pairs(methods):
        a, b = resampled[one], resampled[other]
        for equal, _, of_a, of_b in _held_equal(a, b, score):
            per_seed, again = (
                (x - y).mean(axis=1, keepdims=True)
                for x, y in ((of_a.accuracy, of_b.accuracy), (of_a.resampled, of_b.resampled))
            )
            names = {"variant": one, "against": other, "equal": equal}
            names |= {"theta_from": THETA_FROM[equal]}
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


def _held_equal(
    a: Resampled, b: Resampled, score: FittedScore
) -> Iterator[tuple[str, Float64, AtThresholds, AtThresholds]]:
    """What is held equal, its values, and both variants there; MACs only where both can pay any."""
    same = np.array_equal(a.macs, b.macs)
    budgets = budgets_of(a.macs) if same else shared_budgets(a.macs, b.macs)
    if len(budgets) > 1:
        budgets = budgets[COMPARED]
    if len(budgets):
        yield "macs", budgets, a.within(budgets), b.within(budgets)
    yield "theta", thetas_of(score), a.at_theta, b.at_theta


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
