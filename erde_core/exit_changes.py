"""Where a rising threshold moves a sample to an earlier exit, and the order of those moves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# So many scores are sorted at a time; they fit easily into a processor's second-level cache.
_SEGMENT = 2**15


@dataclass(frozen=True)
class ExitChanges:
    """Where a rising threshold moves a sample: one row per running minimum, by exit, ``(J,)``.

    Small integers, not those that NumPy makes by itself: at random places, they stay in the cache.

    Attributes:
        moment: the score that the threshold passes, float64.
        gained: the answer becomes right (1), wrong (-1) or stays as it was (0), int8.
        exit_to, exit_from: new and old exit, the smallest unsigned integers that hold E.
        passes: which samples have a running minimum at which exit, bool ``(E - 1, N)``.
    """

    moment: NDArray[np.float64]
    gained: NDArray[np.int8]
    exit_to: NDArray[np.unsignedinteger]
    exit_from: NDArray[np.unsignedinteger]
    passes: NDArray[np.bool_]


def exit_changes(score: NDArray[np.float64], correct: NDArray[np.bool_]) -> ExitChanges:
    """All changes of ``score`` and ``correct`` ``(N, E)``; a NaN is no minimum."""
    samples, exits = score.shape
    columns = np.ascontiguousarray(score.T[:-1])
    answers = np.ascontiguousarray(correct.T).view(np.int8)
    passes, lowest = np.empty(columns.shape, dtype=np.bool_), np.full(samples, np.inf)
    for e in range(exits - 1):
        np.less(columns[e], lowest, out=passes[e])
        np.fmin(lowest, columns[e], out=lowest)
    # At its lowest minimum a sample leaves the last exit; at each higher minimum it leaves the
    # exit of the next lower one.
    small: np.dtype[np.unsignedinteger] = np.min_scalar_type(exits)
    left_from, answer = np.full(samples, exits - 1, small), answers[-1].copy()
    exit_from = np.empty(columns.shape, small)
    gained = np.empty(columns.shape, np.int8)
    for e in reversed(range(exits - 1)):
        exit_from[e] = left_from
        np.subtract(answers[e], answer, out=gained[e])
        np.copyto(left_from, small.type(e), where=passes[e])
        np.copyto(answer, answers[e], where=passes[e])
    exit_to = np.repeat(np.arange(exits - 1, dtype=small), passes.sum(axis=1))
    return ExitChanges(columns[passes], gained[passes], exit_to, exit_from[passes], passes)


def stable_order(moment: NDArray[np.float64], largest: float) -> NDArray[np.intp]:
    """Indices that sort scores below ``largest``, equal ones kept as they come, ``(J,)``.

    NumPy sorts 16-bit integers in linear time, and nearly sorted numbers almost so. A first pass
    parts all scores into segments that fit into the cache; two more sort each segment.
    """
    code = (moment * ((2**16 - 1) / largest)).astype(np.uint16)
    order = np.argsort(code, kind="stable")
    code = code[order]
    cuts = np.searchsorted(code, code[_SEGMENT::_SEGMENT])
    for segment in np.split(order, np.unique(cuts)):
        _sort_segment(segment, moment)
    return order


def _sort_segment(order: NDArray[np.intp], moment: NDArray[np.float64]) -> None:
    """Sort ``order`` in place by the moments it points to, equal ones kept as they come."""
    values = moment[order]
    spread = np.ptp(values) if len(values) else 0.0
    if spread > 0:
        code = ((values - values.min()) / spread * (2**16 - 1)).astype(np.uint16)
        order[:] = order[np.argsort(code, kind="stable")]
        order[:] = order[np.argsort(moment[order], kind="stable")]
