"""Exact operating curves, small enough to travel inside the page.

The page moves along every operating point, so it needs them all: the entropies at which decisions
change, and how many images are right and leave at each exit between them. Bytes in base64.
"""

import base64

import numpy as np
from numpy.typing import NDArray

from erde_core.outcomes import split_sweep
from erde_core.softmax import entropy
from erde_core.store.exit_logits import SplitLogits


def curve(split: SplitLogits, macs: NDArray[np.int64]) -> dict[str, object]:
    """One network on one split.

    Returns:
        ``images`` N; ``entropies`` float64 ``(K - 1,)``, ascending; ``right`` ``(K,)`` and
        ``leaves`` ``(K, E)`` as ``uint16``, or ``uint32`` where N does not fit, strict to loose.
    """
    points = split_sweep(split, macs)
    early = entropy(split.logits)[:, :-1]
    lowest = np.unique(np.minimum.accumulate(np.where(np.isnan(early), np.inf, early), axis=1))
    images = len(split.labels)
    counts = "<u2" if images < 2**16 else "<u4"
    return {
        "images": images,
        "type": counts[1:],
        "entropies": _packed(lowest[np.isfinite(lowest)], "<f8"),
        "right": _packed(np.rint(points.accuracy * images), counts),
        "leaves": _packed(np.rint(points.exit_share * images), counts),
    }


def _packed(values: NDArray, dtype: str) -> str:
    return base64.b64encode(values.astype(dtype).tobytes()).decode()
