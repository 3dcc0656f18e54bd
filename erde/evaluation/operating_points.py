"""What a deployment script reads: thresholds for a budget, for an allowed drop, and certified ones.

All are chosen on the validation split of one network; their test cost and accuracy stand beside.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.budgets import whole_of
from erde.evaluation.choice import Choice, measured, theta_of, threshold_for_drop, threshold_within
from erde.evaluation.differences.comparison import DIFFERENCE_COLUMNS, difference_row
from erde.evaluation.differences.resample import RESAMPLES
from erde.evaluation.pareto import TEACHER_SHARES, Students
from erde.evaluation.tables.rows import evened, where
from erde_core.certify import certified_threshold, units_needed
from erde_core.choose import thresholds_for_budget
from erde_core.outcomes import outcomes, right_answers
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.statistics.bootstrap import group_weights
from erde_core.store.exit_logits import FLOAT32
from erde_core.store.tables import Row

Choose = Callable[[ScoredLogits, float], float | NDArray[np.float64]]
DROPS = (0.0, 0.01, 0.02, 0.05)
EPSILONS = (0.01, 0.02, 0.05, 0.1)
DELTA = 0.05  # that any certificate of one network fails; divided among the epsilons
_PER_EXIT_COLUMNS = ("one_accuracy", "one_macs", "each_accuracy", "each_macs", *DIFFERENCE_COLUMNS)


def operating_rows(students: Students, pareto: Sequence[Row]) -> list[Row]:
    """Every way to choose a threshold, for every network.

    ``goal`` is ``teacher_share`` (``value`` a share of the teacher's MACs; chosen in ``pareto``,
    the rows of ``pareto.csv``), ``drop`` (the largest loss of validation accuracy against the full
    network) or ``certified`` (epsilon; ``delta`` is what it was certified at). ``status`` is
    ``ok``, ``saturated``, ``not reachable`` or ``needs n images``; without ``ok`` or ``saturated``
    the other cells are empty. ``precision`` stands there if a network in 8 bits is among them.
    """
    rows: list[Row] = []
    marked = any(student.precision != FLOAT32 for student in students.values())
    for (variant, seed), student in students.items():
        names: Row = {"variant": variant, "seed": seed, "weights_sha256": student.network}
        names |= {"precision": student.precision} if marked else {}
        shares = where(pareto, variant=variant, seed=seed)
        rows += [names | _share_row(student, row) for row in shares]
        rows += [names | _drop_row(student, drop) for drop in DROPS]
        rows += [names | _certified_row(student, epsilon) for epsilon in EPSILONS]
    return evened(rows)


def per_exit_rows(teacher: ScoredLogits, students: Students) -> list[Row]:
    """What one threshold per exit gains over one for all, on test, per variant and budget.

    Both are chosen on validation for the same budget. ``difference`` is in test accuracy, mean over
    the seeds, with intervals; the MACs are what each really costs on test.
    """
    test = next(iter(students.values())).test
    weights, whole = (
        group_weights(test.group, RESAMPLES, seed=0),
        whole_of(teacher, students.values()),
    )
    rows: list[Row] = []
    for variant in dict.fromkeys(variant for variant, _ in students):
        networks = [s for (v, _), s in students.items() if v == variant]
        for share in TEACHER_SHARES:
            row = _per_exit_row(networks, whole.macs / share, weights)
            names = {"variant": variant, "teacher_share": f"1/{share}", "budget_of": whole.of}
            rows.append(names | row)
    return rows


def _share_row(student: ScoredLogits, chosen: Row) -> Row:
    choice = Choice(theta_of(chosen), chosen["status"])
    goal = _goal("teacher_share", chosen["teacher_share"], of=chosen["budget_of"])
    return goal | measured(student, choice)


def _drop_row(student: ScoredLogits, drop: float) -> Row:
    choice = Choice(threshold_for_drop(student, drop), "ok")
    return _goal("drop", f"{drop:g}") | measured(student, choice)


def _certified_row(student: ScoredLogits, epsilon: float) -> Row:
    delta = DELTA / len(EPSILONS)
    goal = _goal("certified", f"{epsilon:g}", delta)
    needed, units = units_needed(epsilon, delta), len(np.unique(student.val.group))
    if units < needed:
        return goal | measured(student, Choice(None, f"needs {needed} images"))
    found = certified_threshold(
        student.score.values(student.val.logits),
        right_answers(student.val),
        largest=student.score.largest,
        epsilon=epsilon,
        delta=delta,
        group=student.val.group,
    )
    return goal | measured(student, Choice(found.threshold, "ok"))


def _goal(goal: str, value: str, delta: float | None = None, of: str | None = None) -> Row:
    return {"goal": goal, "value": value, "budget_of": of, "delta": delta}


def _per_exit_row(networks: list[ScoredLogits], budget: float, weights: NDArray[np.int32]) -> Row:
    macs = networks[0].macs
    row: Row = {"budget_macs": budget, "status": "ok"}
    if not macs[0] <= budget <= macs[-1]:
        row["status"] = "not reachable" if budget < macs[0] else "saturated"
        return row | dict.fromkeys(_PER_EXIT_COLUMNS)
    one, each = (
        _chosen_on_test(networks, choose, budget) for choose in (threshold_within, _one_each)
    )
    return (
        row
        | {"one_accuracy": float(one[0].mean()), "one_macs": one[1]}
        | {"each_accuracy": float(each[0].mean()), "each_macs": each[1]}
        | difference_row(each[0] - one[0], weights, networks[0].test.group)
    )


def _chosen_on_test(
    networks: list[ScoredLogits], choose: Choose, budget: float
) -> tuple[NDArray[np.float64], float]:
    """Right answers on test ``(S, N)`` of thresholds chosen on validation, and the mean MACs."""
    found = [outcomes(n.test, choose(n, budget), n.score) for n in networks]
    costs = [float(n.macs[exits].mean()) for n, (_, _, exits) in zip(networks, found, strict=True)]
    return np.array([right for right, _, _ in found], dtype=float), math.fsum(costs) / len(costs)


def _one_each(student: ScoredLogits, budget: float) -> NDArray[np.float64]:
    val, score = student.val, student.score
    values = score.values(val.logits)
    return thresholds_for_budget(
        values, right_answers(val), student.macs, None, budget, largest=score.largest
    )
