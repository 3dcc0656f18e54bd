"""Is an exit as sure as it is right? Reliability in 15 bins of equal width, and their summary."""

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.pareto import Students
from erde_core.outcomes import right_answers
from erde_core.softmax import entropy, softmax
from erde_core.store.exit_logits import SplitLogits
from erde_core.store.tables import Row

BINS = 15


def reliability(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Images, mean confidence and accuracy per bin of confidence, ``(BINS,)``; NaN where empty.

    A bin holds its upper end: (0, 1/15], …, (14/15, 1].
    """
    index = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    count = np.bincount(index, minlength=BINS)
    sums = (np.bincount(index, values, minlength=BINS) for values in (confidence, correct))
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of an empty bin
        mean, accuracy = (s / count for s in sums)
    return count, mean, accuracy


def calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    """Expected calibration error: mean over the images of |accuracy - confidence| of their bin.

    Source: Guo et al., 2017, arXiv 1706.04599.
    """
    count, mean, accuracy = reliability(confidence, correct)
    return float(np.nansum(count * np.abs(accuracy - mean)) / count.sum())


def exit_rows(students: Students) -> list[Row]:
    """Test accuracy, mean entropy and expected calibration error of each exit, per network."""
    rows: list[Row] = []
    for (variant, seed), student in students.items():
        confidence, correct = _confidence(student.test)
        h = entropy(student.test.logits).mean(axis=0)
        for e, macs in enumerate(student.macs.tolist()):
            rows.append(
                {"variant": variant, "seed": seed, "exit": e, "macs": macs}
                | {"test_accuracy": float(correct[:, e].mean()), "entropy_nats": float(h[e])}
                | {"calibration_error": calibration_error(confidence[:, e], correct[:, e])}
            )
    return rows


def reliability_rows(students: Students) -> list[Row]:
    """The reliability curve of each exit, per network; empty bins are left out."""
    rows: list[Row] = []
    for (variant, seed), student in students.items():
        confidence, correct = _confidence(student.test)
        for e in range(confidence.shape[1]):
            curve = zip(*reliability(confidence[:, e], correct[:, e]), strict=True)
            rows += [
                {"variant": variant, "seed": seed, "exit": e, "bin": b, "images": int(count)}
                | {"confidence": float(mean), "accuracy": float(accuracy)}
                for b, (count, mean, accuracy) in enumerate(curve)
                if count
            ]
    return rows


def _confidence(split: SplitLogits) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return softmax(split.logits).max(axis=2), right_answers(split)
