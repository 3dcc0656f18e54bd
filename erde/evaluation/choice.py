"""How θ is chosen, always on the validation split, and what it then gives on both splits.

Tables, page and pictures all go by :func:`choose_for_budget`; its rule is
:func:`erde_core.sweep.best_index`.
"""

from dataclasses import dataclass

import numpy as np

from erde_core.choose import index_for_budget, index_for_drop
from erde_core.outcomes import outcomes, split_sweep
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.store.tables import Row
from erde_core.sweep import best_index

REFERENCE_DROP = 0.01  # of accuracy: defines the θ at which audit, classes and pictures are shown


@dataclass(frozen=True)
class Choice:
    """A threshold in the score's unit, with ``ok`` or ``saturated``; or None, and why."""

    threshold: float | None
    status: str


def theta_cells(student: ScoredLogits, threshold: float | None) -> Row:
    """How a table holds θ: in nats by entropy, else with the score's label and in its unit."""
    label = student.score.label
    if label == "entropy":
        return {"threshold_nats": threshold}
    return {"threshold_nats": None, "score": label, "threshold": threshold}


def theta_of(row: Row) -> float | None:
    """θ of a row that :func:`theta_cells` is part of; None where there is none."""
    in_nats: float | None = row["threshold_nats"]
    return row.get("threshold") if in_nats is None else in_nats


def choose_for_budget(student: ScoredLogits, budget: float) -> Choice:
    """The θ that is best on validation at or under ``budget`` MACs per image.

    ``saturated`` where the budget exceeds the full network, ``not reachable`` where no threshold is
    cheap enough.
    """
    points = split_sweep(student.val, student.macs, student.score)
    index = best_index(points, budget)
    if index is None:
        return Choice(None, "not reachable")
    status = "saturated" if budget >= student.macs[-1] else "ok"
    return Choice(float(points.threshold[index]), status)


def threshold_within(student: ScoredLogits, budget: float) -> float:
    """The same for a budget that the network must be able to use.

    Raises:
        ValueError: the budget is below the first exit or above the full network.
    """
    points = split_sweep(student.val, student.macs, student.score)
    return float(points.threshold[index_for_budget(points, budget, student.macs)])


def threshold_for_drop(student: ScoredLogits, drop: float = REFERENCE_DROP) -> float:
    """The cheapest θ that loses at most ``drop`` (a fraction) of validation accuracy."""
    points = split_sweep(student.val, student.macs, student.score)
    return float(points.threshold[index_for_drop(points, drop)])


def measured(student: ScoredLogits, choice: Choice) -> Row:
    """What a choice gives: accuracy, MACs, harm per split and shares per exit; None without θ."""
    row: Row = {"status": choice.status} | theta_cells(student, choice.threshold)
    for name, split in (("val", student.val), ("test", student.test)):
        # Without θ any other stands in, so that the columns are the same.
        right, harmed, exits = outcomes(split, choice.threshold or 0.0, student.score)
        row[f"{name}_accuracy"] = float(right.mean())
        row[f"{name}_mean_macs"] = float(student.macs[exits].mean())
        row[f"{name}_harm"] = float(harmed.mean())
    shares = np.bincount(exits, minlength=len(student.macs)) / len(exits)
    row |= {f"test_share_exit{e}": float(share) for e, share in enumerate(shares)}
    if choice.threshold is not None:
        return row
    return dict.fromkeys(row) | {"status": choice.status} | theta_cells(student, None)
