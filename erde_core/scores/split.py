"""What a score makes of one split, and which images a fitted score leaves to judge it by.

The rule: a bare score keeps all validation images. What is fitted or chosen learns from the one
half; curve, thresholds and certificate come from the other, which has not seen the fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError
from erde_core.outcomes import split_sweep
from erde_core.scores.fitted import FittedScore, fit_score, fit_scores, needs_fitting
from erde_core.statistics.halves import validation_halves
from erde_core.store.exit_logits import SplitLogits
from erde_core.sweep import area_under_curve


@dataclass(frozen=True)
class ScoredSplit:
    """A score, and the validation images that it may be judged by.

    Attributes:
        score: fitted, where it needs to be.
        rest: all validation images, or the half that the fit has not seen.
    """

    score: FittedScore
    rest: SplitLogits


def part(split: SplitLogits, chosen: NDArray[np.bool_]) -> SplitLogits:
    """The chosen images of a split."""
    return SplitLogits(split.logits[chosen], split.labels[chosen], split.group[chosen])


def rest_of(label: str, val: SplitLogits) -> SplitLogits:
    """The images of ``val`` that a score of that label may be judged by, of any network.

    Raises:
        ValueError: an unknown label, or too few independent images for two halves.
    """
    if not needs_fitting(label):
        return val
    return part(val, validation_halves(val.labels, val.group).rest)


def scored_split(label: str, val: SplitLogits, *, halve: bool = False) -> ScoredSplit:
    """The score of a label, and the images left to choose thresholds and certify on.

    Args:
        label: one of :data:`erde_core.scores.fitted.LABELS`.
        val: the validation split of one network.
        halve: keep the second half alone for a bare score too, to compare it with fitted ones.

    Raises:
        ValueError: an unknown label, or too few independent images for two halves.
    """
    if not (needs_fitting(label) or halve):
        return ScoredSplit(fit_score(label, val.logits, val.labels), val)
    halves = validation_halves(val.labels, val.group)
    fit = part(val, halves.fit)
    return ScoredSplit(fit_score(label, fit.logits, fit.labels), part(val, halves.rest))


def chosen_split(labels: Sequence[str], val: SplitLogits, macs: NDArray[np.int64]) -> ScoredSplit:
    """The score with the largest area under its curve on the fit half; the first of equals.

    Args:
        labels: of the scores to choose from, at least one.
        val: the validation split of one network.
        macs: of its exits, ``(E,)``.

    Raises:
        ValueError: no label, an unknown one, or too few independent images for two halves.
    """
    if not labels:
        raise ErdeError("labels must name at least one score to choose from, got none")
    halves = validation_halves(val.labels, val.group)
    fit = part(val, halves.fit)
    scores = fit_scores(labels, fit.logits, fit.labels).values()
    best = max(scores, key=lambda score: area_under_curve(split_sweep(fit, macs, score)))
    return ScoredSplit(best, part(val, halves.rest))
