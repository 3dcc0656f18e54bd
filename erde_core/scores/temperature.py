"""One temperature per exit: logits divided by it say how often they are right.

Source: Guo et al., 2017, "On calibration of modern neural networks", arXiv 1706.04599.
"""

import numpy as np
from numpy.typing import NDArray

from erde_core import checks
from erde_core.softmax import Float64, shift_to_zero, softmax_of_shifted

COLDEST, HOTTEST = 0.25, 4.0
_STEPS = 60  # halvings of the bracket at worst; Newton's method needs about six


def fit_temperatures(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> Float64:
    """The temperature of each exit with the smallest negative log-likelihood of the labels.

    The likelihood is convex in 1 / temperature, so there is one minimum; Newton's method finds it,
    kept inside a shrinking bracket. Rows that are undefined, or whose label is a masked class, say
    nothing of a temperature and are left out.

    Args:
        logits: raw, ``(N, E, C)``.
        labels: ``(N,)``.

    Returns:
        float64 ``(E,)``, each 0.25 … 4; 1 where no row is left.

    Raises:
        ValueError: logits or labels as :func:`erde_core.cross_entropy` refuses them.
    """
    logits = checks.float_array("logits", logits, ndim=3)
    labels = checks.class_labels(labels, len(logits), logits.shape[2])
    return np.array([_fit(logits[:, e], labels) for e in range(logits.shape[1])])


def _fit(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    shifted = shift_to_zero(logits)
    of_label = np.take_along_axis(shifted, labels[:, None], axis=1)[:, 0]
    known = np.isfinite(of_label)
    if not known.any():
        return 1.0
    shifted, of_label = shifted[known], of_label[known]
    low, high = 1 / HOTTEST, 1 / COLDEST  # of the inverse temperature
    if _slope(shifted, of_label, low)[0] >= 0:
        return HOTTEST
    if _slope(shifted, of_label, high)[0] <= 0:
        return COLDEST
    inverse = 1.0
    for _ in range(_STEPS):
        slope, curvature = _slope(shifted, of_label, inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        step = inverse - slope / curvature if curvature > 0 else low
        following = step if low < step < high else (low + high) / 2
        if abs(following - inverse) <= 1e-12 * inverse:
            break
        inverse = following
    return float(np.clip(1 / inverse, COLDEST, HOTTEST))


def _slope(shifted: Float64, of_label: Float64, inverse: float) -> tuple[float, float]:
    """First and second derivative of the mean negative log-likelihood by 1 / temperature."""
    p = softmax_of_shifted(shifted * inverse).p
    finite = np.where(p > 0, shifted, 0.0)
    mean = (p * finite).sum(axis=1)
    spread = (p * finite**2).sum(axis=1) - mean**2
    return float((mean - of_label).mean()), float(spread.mean())
