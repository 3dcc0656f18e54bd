"""An exit policy: a score, and one θ for all early exits or one for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde_core.choose import thresholds_for_budgets
from erde_core.errors import ErdeError
from erde_core.outcomes import right_answers
from erde_core.policy import exit_indices
from erde_core.scores.fitted import LABELS, FittedScore, needs_fitting
from erde_core.store.exit_logits import SplitLogits
from erde_core.sweep import best_index, sweep

Float64 = NDArray[np.float64]
ONE, EACH = "one", "each"


@dataclass(frozen=True)
class Policy:
    """A score's label, and ``one`` θ or one for ``each`` exit."""

    label: str
    thresholds: str


DEFAULT = Policy("entropy", ONE)


def policies(bare: bool) -> list[Policy]:
    """All of them, the default first; or those of the scores that need no fit."""
    labels = [label for label in LABELS if not (bare and needs_fitting(label))]
    return [Policy(label, thresholds) for label in labels for thresholds in (ONE, EACH)]


def usable_budgets(budgets: Sequence[float], macs: NDArray[np.int64]) -> list[float]:
    """Those that reach the first exit, none above the whole network."""
    return [min(budget, float(macs[-1])) for budget in budgets if budget >= macs[0]]


@dataclass(frozen=True)
class Judged:
    """One split as a score sees it; computed once, since it costs more than most thresholds.

    Attributes:
        values: the score, ``(N, E)``.
        right: whether each exit is right, ``(N, E)``.
        largest: the loosest threshold.
    """

    values: Float64
    right: NDArray[np.bool_]
    largest: float


def judged(score: FittedScore, split: SplitLogits) -> Judged:
    """A split by a score."""
    return Judged(score.values(split.logits), right_answers(split), score.largest)


def chosen_thresholds(
    thresholds: str, seen: Judged, macs: NDArray[np.int64], budgets: Sequence[float]
) -> Float64:
    """The most accurate thresholds on a split within each of B budgets, ``(B, E - 1)``.

    Args:
        thresholds: ``one`` or one for ``each`` exit.
        seen: the split.
        macs: of the exits, ``(E,)``.
        budgets: mean MACs per image.

    Raises:
        ValueError: a budget is below the first exit or above the last.
    """
    if thresholds == EACH:
        return thresholds_for_budgets(
            seen.values, seen.right, macs, None, budgets, largest=seen.largest
        )
    points = sweep(seen.values, seen.right, macs, largest=seen.largest)
    found = np.empty((len(budgets), len(macs) - 1))
    for row, budget in zip(found, budgets, strict=True):
        index = best_index(points, budget)
        if index is None:
            raise ErdeError(f"budget must reach the first exit's {macs[0]} MACs, got {budget:g}")
        row[:] = points.threshold[index]
    return found


def tried(seen: Judged, macs: NDArray[np.int64], thresholds: Float64) -> tuple[Float64, Float64]:
    """Right answers (0, 1) and MACs of each image at each of B sets of thresholds, ``(B, N)``."""
    exits = [exit_indices(seen.values, row) for row in thresholds]
    shape, everyone = (len(thresholds), len(seen.values)), np.arange(len(seen.values))
    right = np.array([seen.right[everyone, e] for e in exits], dtype=np.float64).reshape(shape)
    return right, np.array([macs[e] for e in exits], dtype=np.float64).reshape(shape)
