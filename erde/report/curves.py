"""Exact operating curves and the choices for every budget, small enough to travel inside the page.

The page moves along every operating point of the test split, so it needs them all: the scores at
which decisions change, and how many images are right and leave at each exit between them. What
validation chooses for a budget it looks up in a table. Bytes in base64.
"""

import base64

import numpy as np
from numpy.typing import DTypeLike, NDArray

from erde_core.outcomes import split_sweep
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.sweep import pareto_front


def curve(student: ScoredLogits) -> dict[str, object]:
    """One network on the test split.

    Returns:
        ``images`` N; ``scores`` float64 ``(K - 1,)``, ascending; ``right`` ``(K,)`` and
        ``leaves`` ``(K, E)`` as ``uint16``, or ``uint32`` where N does not fit, strict to loose.
    """
    split = student.test
    points = split_sweep(split, student.macs, student.score)
    early = student.score.values(split.logits)[:, :-1]
    lowest = np.unique(np.minimum.accumulate(np.where(np.isnan(early), np.inf, early), axis=1))
    images = len(split.labels)
    counts = "<u2" if images < 2**16 else "<u4"
    return {
        "images": images,
        "type": counts[1:],
        "scores": _packed(lowest[np.isfinite(lowest)], "<f8"),
        "right": _packed(np.rint(points.accuracy * images), counts),
        "leaves": _packed(np.rint(points.exit_share * images), counts),
    }


def choices(student: ScoredLogits) -> dict[str, object]:
    """What :func:`erde.evaluation.choice.choose_for_budget` answers to every budget.

    Returns:
        ``macs`` float64, ascending: from this budget on (and below the next) the threshold at the
        same place of ``thresholds`` is chosen. Below the first there is none.
    """
    front = pareto_front(split_sweep(student.val, student.macs, student.score))
    return {
        "macs": _packed(front.mean_macs[::-1], "<f8"),
        "thresholds": _packed(front.threshold[::-1], "<f8"),
    }


def _packed(values: NDArray[np.float64], dtype: DTypeLike) -> str:
    return base64.b64encode(values.astype(dtype).tobytes()).decode()
