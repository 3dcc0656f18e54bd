"""MSDNet's thresholds: the share of the images that leaves at exit k is proportional to q^k.

Source: Huang et al., 2018, "Multi-scale dense networks for resource efficient image
classification", arXiv 1703.09844, section 5.2, and the authors' code for budgeted batches.
"""

import numpy as np

from erde_core.choosing.images import Float64, ScoredImages

_PUBLISHED = tuple(step / 20 for step in range(1, 40))  # values of q that the authors try
_HALVINGS = 40


def geometric_thresholds(images: ScoredImages, q: float) -> Float64:
    """One threshold per early exit, ``(E - 1,)``, for shares in proportion to q, q², … q^E."""
    samples, exits = len(images.early), len(images.macs)
    exponent = np.arange(exits) * np.log(q)
    share = np.exp(exponent - exponent.max())
    leaving = np.floor(samples * share / share.sum()).astype(np.int64)
    staying, thresholds = np.ones(samples, dtype=bool), np.zeros(exits - 1)
    for e in range(exits - 1):
        order = images.order[:, e]
        candidates = np.flatnonzero(staying[order] & np.isfinite(images.early[order, e]))
        if leaving[e] == 0 or len(candidates) == 0:
            continue
        last = candidates[min(leaving[e], len(candidates)) - 1]
        scores = images.early[order, e]
        thresholds[e] = images.passing(e, int(np.searchsorted(scores, scores[last], side="right")))
        staying &= ~(images.early[:, e] < thresholds[e])
    return thresholds


def geometric_start(images: ScoredImages, budget: float) -> Float64 | None:
    """The most accurate of these thresholds within a budget: q as published, and q to measure.

    None where no q is cheap enough.
    """
    tried = [geometric_thresholds(images, q) for q in _PUBLISHED]
    low, high = -30.0, 30.0  # of log q: everybody leaves at the first exit, or at the last
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried.append(geometric_thresholds(images, float(np.exp(middle))))
        cheap = images.outcome(tried[-1])[1].mean() <= budget
        low, high = (middle, high) if cheap else (low, middle)
    values = [images.value(thresholds, budget) for thresholds in tried]
    best = max(range(len(tried)), key=values.__getitem__)
    return tried[best] if np.isfinite(values[best][0]) else None
