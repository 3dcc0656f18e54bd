"""Early exit against what it must beat: plain networks of the same cost (``rival.py``)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.choice import threshold_within
from erde.evaluation.differences.comparison import difference_row
from erde.evaluation.differences.resample import RESAMPLES
from erde.evaluation.pareto import Students
from erde_core.outcomes import outcomes, right_answers
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.statistics.bootstrap import group_weights
from erde_core.store.exit_logits import ExitLogits
from erde_core.store.tables import Row
from erde_torch.networks.rivals.names import rival_exit


def rival_rows(
    students: Students, rivals: Mapping[tuple[str, int], ExitLogits], macs: Mapping[str, int]
) -> list[Row]:
    """Every variant against every rival at the cost of the rival's exit, on test.

    θ is chosen on validation for the MACs of the student's exit (``budget_macs``, with all heads).
    ``difference`` is early exit minus rival, mean over the seeds, with intervals. Which rival is
    the better one of a cost is for ``rival_val_accuracy`` to say.

    Args:
        students: by variant and seed.
        rivals: exit logits by rival and seed; the same seeds as the students.
        macs: of each rival, :func:`plain_macs`.
    """
    first = next(iter(students.values()))
    weights = group_weights(first.test.group, RESAMPLES, seed=0)
    seeds = list(dict.fromkeys(seed for _, seed in students))
    rows: list[Row] = []
    for rival in dict.fromkeys(rival for rival, _ in rivals):
        kind, e = rival_exit(rival)
        ends = e if kind == "truncated" else len(first.macs) - 1
        plain = np.array([right_answers(rivals[rival, s].test)[:, ends] for s in seeds])
        on_val = np.mean([right_answers(rivals[rival, s].val)[:, ends].mean() for s in seeds])
        for variant in dict.fromkeys(variant for variant, _ in students):
            networks = [students[variant, s] for s in seeds]
            early, cost = _early(networks, float(first.macs[e]))
            names = {"rival": rival, "kind": kind, "exit": e, "variant": variant}
            rows.append(
                names
                | {"budget_macs": int(first.macs[e]), "rival_macs": macs[rival]}
                | {"variant_macs": cost, "rival_val_accuracy": float(on_val)}
                | {"rival_accuracy": float(plain.mean()), "variant_accuracy": float(early.mean())}
                | difference_row(early * 1.0 - plain, weights, first.test.group)
            )
    return rows


def _early(networks: list[ScoredLogits], budget: float) -> tuple[NDArray[np.bool_], float]:
    """Right answers ``(S, N)`` on test at thresholds chosen on validation, and their mean MACs."""
    right, costs = [], []
    for network in networks:
        answers, _, exits = outcomes(network.test, threshold_within(network, budget), network.score)
        right.append(answers)
        costs.append(network.macs[exits].mean())
    return np.array(right), float(np.mean(costs))
