"""The settings of the loss as compiled code reads them."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from erde_core.settings import LossSettings

# In place of a row's number: no term reads one.
NOT_READ = -1


class Plan(NamedTuple):
    """Attributes:
    temperature, inverse_temperature: τ and 1/τ.
    reads_target: whether KD has a weight.
    standardise, decoupled: the forms of KD.
    of_label, of_others: its α and β where it is decoupled.
    self_weight: of the divergence from the own last exit, at the early ones.
    """

    temperature: float
    inverse_temperature: float
    reads_target: bool
    standardise: bool
    decoupled: bool
    of_label: float
    of_others: float
    self_weight: float


class Tables(NamedTuple):
    """What differs from exit to exit; apart from ``Plan``, since arrays are dear to hand around.

    Attributes:
        weights: factors of CE, KD and ENT where the teacher is wrong [0] and right [1],
            ``(2, E, 3)``.
        answer_rows, target_rows: which of the teacher's rows each exit reads, int64 ``(E,)``.
    """

    weights: NDArray[np.float64]
    answer_rows: NDArray[np.int64]
    target_rows: NDArray[np.int64]


def plan(settings: LossSettings) -> Plan:
    """``settings``, but for what :func:`tables` holds."""
    alpha, beta = settings.decoupled or (1.0, 1.0)
    return Plan(
        temperature=settings.temperature,
        inverse_temperature=1 / settings.temperature,
        reads_target=settings.reads_target,
        standardise=settings.standardise,
        decoupled=settings.decoupled is not None,
        of_label=alpha,
        of_others=beta,
        self_weight=settings.self_weight,
    )


def tables(settings: LossSettings, exits: int, classes: int, teacher_exits: int) -> Tables:
    """``settings`` for a network and a teacher of those numbers."""
    last_answers, last_is_target = settings.right_from == "last", settings.target_from == "last"
    return Tables(
        weights=_term_weights(settings, exits, classes),
        answer_rows=_rows(settings.reads_answer, last_answers, exits, teacher_exits),
        target_rows=_rows(settings.reads_target, last_is_target, exits, teacher_exits),
    )


def _rows(read: bool, last: bool, exits: int, teacher_exits: int) -> NDArray[np.int64]:
    if not read:
        return np.full(exits, NOT_READ, dtype=np.int64)
    if last:
        return np.full(exits, teacher_exits - 1, dtype=np.int64)
    return np.arange(exits, dtype=np.int64)


def _term_weights(settings: LossSettings, exits: int, classes: int) -> NDArray[np.float64]:
    each = [settings.ce_weight, settings.kd_weight, settings.entropy_weight]
    weights = np.tile(np.array(each, dtype=np.float64), (2, exits, 1))
    if settings.ce_mask == "right":
        weights[0, :, 0] = 0
    if settings.kd_mask == "right":
        weights[0, :, 1] = 0
    if settings.kd_exits == "late":
        weights[:, 0, 1] = 0
    weights[1, :, 2] = 0
    if settings.entropy_exits == "early":
        weights[:, -1:, 2] = 0
    if settings.entropy_scale == "log_c":
        weights[:, :, 2] /= math.log(classes)
    return weights
