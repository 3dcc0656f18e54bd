"""What 8 bits cost: int8 networks beside the float32 networks that they were made from."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.budgets import whole_of
from erde.evaluation.choice import choose_for_budget
from erde.evaluation.differences.comparison import DIFFERENCE_COLUMNS, difference_row
from erde.evaluation.differences.resample import RESAMPLES
from erde.evaluation.pareto import TEACHER_SHARES, Students, in_int8
from erde.experiment.names import float32_name, int8_name
from erde_core.errors import ErdeError
from erde_core.policy import exit_indices
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.statistics.bootstrap import group_weights
from erde_core.store.exit_logits import ExitLogits
from erde_core.store.tables import Row

_EMPTY = ("float32_accuracy", "float32_macs", "int8_accuracy", "int8_macs", "same_answers")


def int8_rows(
    teacher: ExitLogits, networks: Students, sizes: Mapping[tuple[str, int], tuple[int, int]]
) -> list[Row]:
    """Test accuracy at each share of the teacher's MACs, in 8 bits and in float32.

    Each network has its own θ, chosen on validation for the same budget. ``difference`` is int8
    minus float32, paired over the test images, mean over the seeds.

    Args:
        teacher: its last exit is what the shares are of.
        networks: of a variant both precisions for each seed; other variants do not count.
        sizes: bytes of the stages in float32 and in 8 bits, of each int8 network.

    Raises:
        ErdeError: an int8 network without its float32 one.
    """
    twins: dict[str, list[tuple[ScoredLogits, ScoredLogits]]] = {}
    for (twin, seed), network in in_int8(networks).items():
        variant = float32_name(twin)
        if (variant, seed) not in networks:
            raise ErdeError(f"{twin}/seed{seed} must have its float32 network, got none")
        twins.setdefault(variant, []).append((networks[variant, seed], network))
    weights = group_weights(teacher.test.group, RESAMPLES, seed=0)
    whole, rows = whole_of(teacher, networks.values()), list[Row]()
    for variant, pairs in twins.items():
        found = [size for key, size in sizes.items() if key[0] == int8_name(variant)]
        columns = zip(("float32_bytes", "int8_bytes"), zip(*found, strict=True), strict=True)
        on_disk = {name: sum(values) // len(values) for name, values in columns}
        for share in TEACHER_SHARES:
            budget = whole.macs / share
            names: Row = {"variant": variant, "teacher_share": f"1/{share}"}
            names |= {"budget_of": whole.of, "budget_macs": budget}
            rows.append(names | _share_row(pairs, budget, weights) | on_disk)
    return rows


def _share_row(
    pairs: Sequence[tuple[ScoredLogits, ScoredLogits]], budget: float, weights: NDArray[np.int32]
) -> Row:
    chosen = [[choose_for_budget(one, budget) for one in pair] for pair in pairs]
    if any(choice.threshold is None for pair in chosen for choice in pair):
        return {"status": "not reachable"} | dict.fromkeys((*_EMPTY, *DIFFERENCE_COLUMNS))
    right, macs, answers = [], [], []
    for pair, choices in zip(pairs, chosen, strict=True):
        found = [_test(one, c.threshold or 0.0) for one, c in zip(pair, choices, strict=True)]
        labels = pair[0].test.labels
        right.append([(answer == labels).astype(float) for answer, _ in found])
        macs.append([cost for _, cost in found])
        answers.append(float((found[0][0] == found[1][0]).mean()))
    right_SPN = np.array(right)
    accuracy, cost = right_SPN.mean(axis=(0, 2)).tolist(), np.mean(macs, axis=0).tolist()
    values = (accuracy[0], cost[0], accuracy[1], cost[1], float(np.mean(answers)))
    return (
        {"status": chosen[0][0].status}
        | dict(zip(_EMPTY, values, strict=True))
        | difference_row(right_SPN[:, 1] - right_SPN[:, 0], weights, pairs[0][0].test.group)
    )


def _test(network: ScoredLogits, threshold: float) -> tuple[NDArray[np.int64], float]:
    """The answers to the test images, ``(N,)``, and their mean MACs."""
    logits = network.test.logits
    exits = exit_indices(network.score.values(logits), threshold)
    answers: NDArray[np.int64] = logits[np.arange(len(exits)), exits].argmax(axis=1)
    return answers, float(network.macs[exits].mean())
