"""What the manifest says of validation: points to choose from, what any θ shows, one θ per exit."""

import numpy as np

from erde_core.choose import thresholds_for_budgets
from erde_core.outcomes import right_answers
from erde_core.policy import exit_indices
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.store.manifest import Json
from erde_core.sweep import OperatingPoints, pareto_front

CURVE_POINTS = 200
SPREAD_POINTS = 200  # of all operating points, beside those of the curve
PER_EXIT_POINTS = 24  # budgets, which takes about as long as the choice of 24 networks' θ


def pareto_curve(points: OperatingPoints) -> list[list[float]]:
    """The full network first, then at most 199 points of the Pareto front, dear to cheap."""
    front = pareto_front(points)
    count = min(len(front), CURVE_POINTS - 1)
    kept = np.unique(np.linspace(0, len(front) - 1, count).round().astype(np.int64))
    return _rows(points.take(np.array([0]))) + _rows(front.take(kept))


def point_rows(points: OperatingPoints, named: list[float]) -> list[list[float]]:
    """What validation showed at any θ, strict to loose.

    A θ between two of the sweep's decides as the one or the other. So a row has its own θ, accuracy
    and mean MACs, and the lowest and highest accuracy of all points up to the next row's; the MACs
    of these lie between both rows', for they only fall.

    Args:
        points: of the sweep.
        named: θ of some of them, which get a row each.
    """
    spread = np.linspace(0, len(points) - 1, min(len(points), SPREAD_POINTS)).round()
    kept = np.union1d(spread.astype(np.int64), np.searchsorted(points.threshold, named))
    after = points.accuracy[np.append(kept[1:], kept[-1])]
    lowest = np.minimum(np.minimum.reduceat(points.accuracy, kept), after).tolist()
    highest = np.maximum(np.maximum.reduceat(points.accuracy, kept), after).tolist()
    bounds = zip(lowest, highest, strict=True)
    return [[*row, *ends] for row, ends in zip(_rows(points.take(kept)), bounds, strict=True)]


def per_exit_curve(exits: ScoredLogits) -> list[list[Json]]:
    """One θ per early exit for budgets from the first exit to the last, at equal ratios.

    None where there is at most one early exit: the curve has all that there is.
    """
    split, macs = exits.val, exits.macs
    if len(macs) < 3:
        return []
    values, right = exits.score.values(split.logits), right_answers(split)
    budgets = np.geomspace(macs[0], macs[-1], PER_EXIT_POINTS).clip(macs[0], macs[-1]).tolist()
    chosen = thresholds_for_budgets(values, right, macs, None, budgets, largest=exits.score.largest)
    rows = []
    for thresholds in np.unique(chosen, axis=0):
        left_at = exit_indices(values, thresholds)
        accuracy = right[np.arange(len(right)), left_at].mean()
        rows.append([thresholds.tolist(), float(accuracy), float(macs[left_at].mean())])
    return sorted(rows, key=lambda row: (row[2], row[1]))


def _rows(points: OperatingPoints) -> list[list[float]]:
    columns = (points.threshold, points.accuracy, points.mean_macs)
    rows: list[list[float]] = np.column_stack(columns).tolist()
    return rows
