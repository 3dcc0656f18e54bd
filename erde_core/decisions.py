"""Whether an implementation of early exit decides as the evaluation counted.

The witness is ``erde_core``: the exit and class that follow from the exit logits on file.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError
from erde_core.outcomes import split_sweep
from erde_core.policy import exit_indices
from erde_core.scores.fitted import FittedScore
from erde_core.store.exit_logits import SplitLogits

POINTS = 20
# Rounding differs between runtimes and batch sizes, so a sample this close may fall either way.
TIE_SCORE = 1e-4  # in the score's unit
TIE_LOGITS = 1e-4

# One θ, or one per early exit; and what is made of it: the exit taken and the class of every
# sample, int64 (N,) each.
Threshold = float | NDArray[np.float64]
Decide = Callable[[Threshold], tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Agreement:
    """How one implementation compares over all samples and operating points.

    Attributes:
        decisions: samples times operating points.
        near_ties: decisions that rounding may turn.
        wrong: decisions outside the near-ties with another exit or class.
        turned: near-ties with another exit or class.
    """

    decisions: int
    near_ties: int
    wrong: int
    turned: int

    def __str__(self) -> str:
        return (
            f"{self.wrong} of {self.decisions} decisions differ; {self.near_ties} near-ties "
            f"({self.near_ties / self.decisions:.2%}), {self.turned} of them turned"
        )

    def check(self, name: str) -> None:
        """Refuse an implementation that decides otherwise.

        Raises:
            ValueError: a decision outside the near-ties differs.
        """
        if self.wrong:
            raise ErdeError(
                f"{name} must decide as the exit logits say, "
                f"got {self.wrong} of {self.decisions} decisions that differ"
            )


def spread_thresholds(
    split: SplitLogits, macs: NDArray[np.int64], score: FittedScore | None = None
) -> NDArray[np.float64]:
    """``POINTS`` thresholds, from the strictest to the loosest operating point.

    Evenly spaced in the order of the sweep's points, so that each parts other samples. By entropy
    unless another score is given.
    """
    points = split_sweep(split, macs, score)
    index = np.linspace(0, len(points) - 1, POINTS).round().astype(np.int64)
    return points.threshold[index]


def spread_thresholds_per_exit(
    split: SplitLogits, macs: NDArray[np.int64], score: FittedScore | None = None
) -> NDArray[np.float64]:
    """``POINTS`` sets of thresholds that differ from exit to exit, ``(POINTS, E - 1)``.

    Each exit takes all of :func:`spread_thresholds`, and begins at another place of them.
    """
    thresholds, early = spread_thresholds(split, macs, score), len(macs) - 1
    starts = np.arange(early) * POINTS // max(early, 1)
    found: NDArray[np.float64] = thresholds[(np.arange(POINTS)[:, None] + starts) % POINTS]
    return found


def compare_decisions(
    split: SplitLogits,
    thresholds: NDArray[np.float64],
    decide: Decide,
    score: FittedScore | None = None,
) -> Agreement:
    """Compare ``decide`` with the reference at each of K thresholds, by entropy or ``score``.

    ``thresholds``: one θ each, ``(K,)``, or one per early exit, ``(K, E - 1)``.
    """
    score = score or FittedScore("entropy", split.logits.shape[2])
    values = score.values(split.logits)
    everyone = np.arange(len(values))
    largest = np.sort(split.logits, axis=2)[:, :, -2:]
    margin = largest[:, :, 1] - largest[:, :, 0]
    near_ties = wrong = turned = 0
    for threshold in thresholds:
        exits = exit_indices(values, threshold)
        labels = split.logits[everyone, exits].argmax(axis=1)
        # Below 1 the allowance shrinks with the threshold: small scores are as exact, relatively,
        # and a confident network has most of its entropies below 1e-4.
        gap = np.abs(values[:, :-1] - threshold)
        passed = np.arange(gap.shape[1]) <= exits[:, None]
        close = (gap <= TIE_SCORE * np.minimum(1.0, threshold)) & (threshold > 0)
        tie = (close & passed).any(axis=1)
        tie |= margin[everyone, exits] <= TIE_LOGITS
        found_exits, found_labels = decide(threshold)
        differs = (found_exits != exits) | (found_labels != labels)
        near_ties += int(tie.sum())
        wrong += int((differs & ~tie).sum())
        turned += int((differs & tie).sum())
    return Agreement(len(everyone) * len(thresholds), near_ties, wrong, turned)
