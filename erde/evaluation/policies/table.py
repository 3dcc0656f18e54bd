"""The tables of the policies: each network at each budget, and each variant over all budgets.

Temperatures and gates are fitted on the fit half of validation, thresholds are chosen on the other
half, and the test split says what comes of it. Where validation is too small for halves, the bare
scores go on with all of it, and none is chosen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.budgets import whole_of
from erde.evaluation.differences.comparison import difference_row
from erde.evaluation.differences.resample import RESAMPLES
from erde.evaluation.pareto import TEACHER_SHARES
from erde.evaluation.policies.choice import gains_on_validation, policy_to_ship
from erde.evaluation.policies.policy import (
    DEFAULT,
    Float64,
    Policy,
    chosen_thresholds,
    judged,
    policies,
    tried,
    usable_budgets,
)
from erde.evaluation.tables.rows import evened
from erde_core.scores.fitted import fit_scores
from erde_core.scores.split import part
from erde_core.statistics.bootstrap import group_weights
from erde_core.statistics.halves import LEAST_GROUPS, validation_halves
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_core.store.tables import Row

Networks = Mapping[tuple[str, int], ExitLogits]  # (variant, seed) → its exit logits


@dataclass
class _Variant:
    """What the networks of one variant gave, by policy: a list over the seeds."""

    gains: dict[Policy, list[Float64]] = field(default_factory=dict)  # over the default, test, (N,)
    costs: dict[Policy, list[float]] = field(default_factory=dict)  # mean MACs on test
    on_validation: dict[Policy, list[Float64]] = field(default_factory=dict)
    fit_group: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


def policy_tables(teacher: ExitLogits, students: Networks) -> tuple[list[Row], list[Row]]:
    """Rows of ``policies.csv`` and of ``policies_overall.csv``.

    Args:
        teacher: whose MACs the budgets are shares of; or the students', where nobody knows them.
        students: by variant and seed; of each variant the same test images.
    """
    whole = whole_of(teacher, students.values())
    budgets = [whole.macs / share for share in TEACHER_SHARES]
    rows: list[Row] = []
    variants: dict[str, _Variant] = {}
    for (variant, seed), student in students.items():
        if len(student.macs) == 1:  # nothing to decide
            continue
        found = variants.setdefault(variant, _Variant())
        names: Row = {"variant": variant, "seed": seed, "weights_sha256": student.network}
        names["budget_of"] = whole.of
        rows += [names | row for row in _network_rows(student, budgets, found)]
    test = next(iter(students.values())).test
    weights = group_weights(test.group, RESAMPLES, seed=0)
    overall = [
        {"variant": variant} | row
        for variant, found in variants.items()
        for row in _variant_rows(found, weights, test.group)
    ]
    return evened(rows), overall


def halves_of(val: SplitLogits) -> tuple[SplitLogits, SplitLogits] | None:
    """The fit half of validation and the other; None with too few independent images for two."""
    if len(np.unique(val.group)) < LEAST_GROUPS:
        return None
    halves = validation_halves(val.labels, val.group)
    return part(val, halves.fit), part(val, halves.rest)


def _network_rows(student: ExitLogits, budgets: Sequence[float], found: _Variant) -> list[Row]:
    """Of one network; what it says of the variant goes into ``found``."""
    halves, macs = halves_of(student.val), student.macs
    fit, rest = halves or (student.val, student.val)
    every, usable = policies(bare=halves is None), usable_budgets(budgets, macs)
    if halves and usable:
        found.fit_group = fit.group
        for policy, gain in gains_on_validation(every, fit, macs, usable).items():
            found.on_validation.setdefault(policy, []).append(gain)
    rows: list[Row] = []
    base = np.empty(0)
    labels = dict.fromkeys(policy.label for policy in every)
    scores = fit_scores(labels, fit.logits, fit.labels)
    seen = {
        label: (judged(score, rest), judged(score, student.test)) for label, score in scores.items()
    }
    for policy in every:
        there, here = seen[policy.label]
        thresholds = chosen_thresholds(policy.thresholds, there, macs, usable)
        right, cost = tried(here, macs, thresholds)
        on_val = tried(there, macs, thresholds)
        base = right if policy == DEFAULT else base
        rows += _budget_rows(policy, budgets, macs, thresholds, on_val, (right, cost), base)
        if usable:
            found.gains.setdefault(policy, []).append((right - base).mean(axis=0))
            found.costs.setdefault(policy, []).append(float(cost.mean()))
    return rows


def _budget_rows(
    policy: Policy,
    budgets: Sequence[float],
    macs: NDArray[np.int64],
    thresholds: Float64,
    on_val: tuple[Float64, Float64],
    on_test: tuple[Float64, Float64],
    base: Float64,
) -> list[Row]:
    named: Row = {"score": policy.label, "thresholds": policy.thresholds}
    theta = [f"theta_exit{e}" for e in range(len(macs) - 1)]
    measured = ("val_accuracy", "val_mean_macs", "test_accuracy", "test_mean_macs", "difference")
    rows: list[Row] = []
    k = 0  # of the budgets that can be used
    for share, budget in zip(TEACHER_SHARES, budgets, strict=True):
        row = named | {"teacher_share": f"1/{share}", "budget_macs": budget}
        if budget < macs[0]:
            rows.append(row | {"status": "not reachable"} | dict.fromkeys((*theta, *measured)))
            continue
        row["status"] = "saturated" if budget >= macs[-1] else "ok"
        row |= dict(zip(theta, thresholds[k].tolist(), strict=True))
        means = [float(values[k].mean()) for values in (*on_val, *on_test)]
        gain = float((on_test[0][k] - base[k]).mean())
        rows.append(row | dict(zip(measured, (*means, gain), strict=True)))
        k += 1
    return rows


def _variant_rows(
    found: _Variant, weights: NDArray[np.int32], group: NDArray[np.int64]
) -> list[Row]:
    on_val = {policy: np.mean(gains, axis=0) for policy, gains in found.on_validation.items()}
    chosen = policy_to_ship(on_val, found.fit_group) if on_val else None
    return [
        {"score": policy.label, "thresholds": policy.thresholds, "chosen": policy == chosen}
        | {"val_difference": float(on_val[policy].mean()) if on_val else None}
        | {"macs_ratio": sum(found.costs[policy]) / sum(found.costs[DEFAULT])}
        | difference_row(np.array(gains), weights, group)
        for policy, gains in found.gains.items()
    ]
