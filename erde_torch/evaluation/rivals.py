"""What early exit must beat: plain networks of the same cost, distilled from the same teacher.

Two kinds per exit of the student: the student cut off after that exit, and (the harder rival) the
whole student made narrower until it costs the same. Both learn by the experiment's plain
distillation at their one exit, from the teacher's last, and every image takes the same way through.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from erde_core.bootstrap import group_weights
from erde_core.choose import index_for_budget
from erde_core.settings import LossSettings
from erde_core.store.exit_logits import ExitLogits
from erde_torch.batches import Rows
from erde_torch.evaluation.comparison import difference_row
from erde_torch.evaluation.operating_points import Row, Students, right_answers, split_sweep
from erde_torch.evaluation.resample import RESAMPLES
from erde_torch.evaluation.thresholds import outcomes
from erde_torch.macs import exit_macs
from erde_torch.models import MultiExitResNet

if TYPE_CHECKING:
    from erde_torch.experiment import Network

RIVALS = ("truncated0", "truncated1", "truncated2", "truncated3", "narrow0", "narrow1", "narrow2")
_WIDTH_STEPS = 512  # widths are multiples of 1 / 512: one channel of the widest stage
Shape = tuple[int, int, int]


def rival_exit(rival: str) -> tuple[str, int]:
    """Its kind, and the exit of the student whose cost it has.

    Raises:
        ValueError: not one of ``RIVALS``.
    """
    if rival not in RIVALS:
        raise ValueError(f"rival must be one of {', '.join(RIVALS)}, got {rival!r}")
    kind, digit = re.fullmatch(r"([a-z]+)(\d)", rival).groups()
    return kind, int(digit)


def rival_network(rival: str, network: "Network", classes: int, shape: Shape) -> tuple[float, int]:
    """The rival's width and the exit at which it ends.

    A narrow rival is the widest whose plain MACs do not exceed those of the student's exit.
    """
    kind, e = rival_exit(rival)
    if kind == "truncated":
        return network.width, e
    budget = int(exit_macs(_build(network, network.width, classes, shape), shape)[e])
    low, high = 1, round(network.width * _WIDTH_STEPS)
    while low < high:
        middle = (low + high + 1) // 2
        built = _build(network, middle / _WIDTH_STEPS, classes, shape)
        if plain_macs(built, shape, built.exits - 1) <= budget:
            low = middle
        else:
            high = middle - 1
    return low / _WIDTH_STEPS, 3


def rival_loss(kd: LossSettings, exits: int, e: int) -> LossSettings:
    """``kd`` at exit ``e`` alone, whatever weights it gives the exits."""
    return replace(kd, exit_weights=tuple(float(i == e) for i in range(exits)))


def plain_macs(network: MultiExitResNet, shape: Shape, e: int) -> int:
    """MACs of one image to the end of exit ``e``, without the heads before it."""
    earlier = sum(head[-1].in_features * head[-1].out_features for head in network.heads[:e])
    return int(exit_macs(network, shape)[e]) - earlier


class LastExit:
    """A teacher of whom only the last exit is heard, at every exit of the student."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __call__(self, samples: NDArray[np.int64], views: NDArray[np.int64]) -> Tensor:
        """float16 ``(B, E, C)``."""
        logits = self._rows(samples, views)
        return logits[:, -1:].expand_as(logits)


def rival_rows(
    students: Students, rivals: Mapping[tuple[str, int], ExitLogits], macs: Mapping[str, int]
) -> list[Row]:
    """Every variant against every rival at the cost of the rival's exit, on test.

    θ is chosen on validation for the MACs of the student's exit (``budget_macs``, with all heads).
    ``difference`` is early exit minus rival, mean over the seeds, with intervals.

    Args:
        students: by variant and seed.
        rivals: exit logits by rival and seed; the same seeds as the students.
        macs: of each rival, :func:`plain_macs`.
    """
    first = next(iter(students.values()))
    weights = group_weights(first.test.group, RESAMPLES, seed=0)
    seeds = list(dict.fromkeys(seed for _, seed in students))
    rows = []
    for rival in dict.fromkeys(rival for rival, _ in rivals):
        kind, e = rival_exit(rival)
        ends = e if kind == "truncated" else len(first.macs) - 1
        plain = np.array([right_answers(rivals[rival, s].test)[:, ends] for s in seeds])
        for variant in dict.fromkeys(variant for variant, _ in students):
            networks = [students[variant, s] for s in seeds]
            early, cost = _early(networks, float(first.macs[e]))
            names = {"rival": rival, "kind": kind, "exit": e, "variant": variant}
            rows.append(
                names
                | {"budget_macs": int(first.macs[e]), "rival_macs": macs[rival]}
                | {"variant_macs": cost, "rival_accuracy": float(plain.mean())}
                | {"variant_accuracy": float(early.mean())}
                | difference_row(early * 1.0 - plain, weights)
            )
    return rows


def _early(networks: list[ExitLogits], budget: float) -> tuple[NDArray[np.bool_], float]:
    """Right answers ``(S, N)`` on test at thresholds chosen on validation, and their mean MACs."""
    right, costs = [], []
    for network in networks:
        points = split_sweep(network.val, network.macs)
        theta = float(points.threshold[index_for_budget(points, budget, network.macs)])
        answers, _, exits = outcomes(network.test, theta)
        right.append(answers)
        costs.append(network.macs[exits].mean())
    return np.array(right), float(np.mean(costs))


def _build(network: "Network", width: float, classes: int, shape: Shape) -> MultiExitResNet:
    settings = SimpleNamespace(**{**network.model_dump(), "width": width})
    with torch.device("meta"):  # only its shape is wanted
        return MultiExitResNet(settings, classes, shape)
