"""Early exit against what it must beat: plain networks of the same cost (``rival.py``)."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.choice import choose_for_budget
from erde.evaluation.differences.comparison import difference_row
from erde.evaluation.differences.resample import RESAMPLES
from erde.evaluation.pareto import Students
from erde_core.outcomes import outcomes, right_answers
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.statistics.bootstrap import group_weights
from erde_core.store.exit_logits import ExitLogits
from erde_core.store.tables import Row
from erde_torch.networks.rivals.names import rival_end, rival_exit


def rival_rows(
    students: Students,
    rivals: Mapping[tuple[str, int], ExitLogits],
    macs: Mapping[str, int],
    budgets: NDArray[np.int64],
) -> list[Row]:
    """Every variant against every rival at the cost of the rival's exit, on test.

    θ is chosen on validation for the MACs of the student's exit (``budget_macs``, with all heads).
    ``difference`` is variant minus rival, mean over the seeds, with intervals. Which rival is the
    better one of a cost is for ``rival_val_accuracy`` to say. A variant with a network of its own
    whose first exit is dearer has no row there.

    Args:
        students: by variant and seed.
        rivals: exit logits by rival and seed; the same seeds as the students.
        macs: of each rival, :func:`plain_macs`.
        budgets: MACs to the end of each exit of the student that the rivals are made for, ``(E,)``.
    """
    first = next(iter(students.values()))
    weights = group_weights(first.test.group, RESAMPLES, seed=0)
    seeds = list(dict.fromkeys(seed for _, seed in students))
    rows: list[Row] = []
    for rival in dict.fromkeys(rival for rival, _ in rivals):
        kind, e = rival_exit(rival)
        networks = [as_plain(rivals[rival, seed], rival, macs[rival]) for seed in seeds]
        plain = np.array([right_answers(network.test)[:, 0] for network in networks])
        on_val = np.mean([right_answers(network.val).mean() for network in networks])
        for variant in dict.fromkeys(variant for variant, _ in students):
            found = _within([students[variant, s] for s in seeds], float(budgets[e]))
            if found is None:
                continue
            right, cost = found
            names = {"rival": rival, "kind": kind, "exit": e, "variant": variant}
            rows.append(
                names
                | {"budget_macs": int(budgets[e]), "rival_macs": macs[rival]}
                | {"variant_macs": cost, "rival_val_accuracy": float(on_val)}
                | {"rival_accuracy": float(plain.mean()), "variant_accuracy": float(right.mean())}
                | difference_row(right * 1.0 - plain, weights, first.test.group)
            )
    return rows


def as_plain(exits: ExitLogits, rival: str, macs: int) -> ExitLogits:
    """A rival as what it is: a network with the one exit that has learnt."""
    ends = rival_end(rival, len(exits.macs))
    val, test = (
        replace(split, logits=split.logits[:, ends : ends + 1]) for split in (exits.val, exits.test)
    )
    return replace(exits, val=val, test=test, macs=np.array([macs], np.int64))


def _within(networks: list[ScoredLogits], budget: float) -> tuple[NDArray[np.bool_], float] | None:
    """Right answers ``(S, N)`` on test at thresholds chosen on validation, and their mean MACs."""
    right, costs = [], []
    for network in networks:
        threshold = choose_for_budget(network, budget).threshold
        if threshold is None:
            return None
        answers, _, exits = outcomes(network.test, threshold, network.score)
        right.append(answers)
        costs.append(network.macs[exits].mean())
    return np.array(right), float(np.mean(costs))
