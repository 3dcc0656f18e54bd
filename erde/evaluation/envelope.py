"""Which way is best at a cost: a plain network, early exit, a cascade of plain ones, or a mixture.

Validation chooses θ of each network, and of each way the network with the best mean over its seeds;
the test images say what that is worth. Every network leaves by the same score, which is fitted to
each of them where it needs to be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.budgets import Whole
from erde.evaluation.pairs import Candidate
from erde.evaluation.tables.rows import Rows
from erde.experiment.trainings import CASCADE, EARLY_EXIT, MIXTURE, PLAIN
from erde_core.outcomes import right_answers, split_sweep
from erde_core.policy import exit_indices
from erde_core.scores.fitted import needs_fitting
from erde_core.scores.scored_logits import score_logits
from erde_core.store.exit_logits import ExitLogits
from erde_core.store.tables import Row
from erde_core.sweep import OperatingPoints, best_index

SHARES = (5, 6, 8, 10, 12, 14, 20)  # a budget is the teacher's MACs divided by one of these
WAYS = (PLAIN, EARLY_EXIT, CASCADE, MIXTURE)


def envelope_rows(whole: Whole, found: Sequence[Candidate], score: str = "entropy") -> list[Row]:
    """One row per share of ``whole`` and way, where images leave by ``score``.

    ``trials`` is the number of candidates of that way that can pay; ``behind_best`` compares the
    mean test accuracy with the best of the four ways' at that cost.
    """
    rows: list[Row] = []
    for paid in trials(whole, found, score):
        told = [trial_row(candidate, within) for candidate, within in paid.networks]
        chosen = [_best(way, [row for row in told if row["way"] == way]) for way in WAYS]
        rows += _finished(paid.names, chosen)
    return rows


@dataclass(frozen=True)
class Within:
    """What a candidate gives within a budget: of S seeds and N test images.

    Attributes:
        val_accuracy: of each seed at the θ that validation chose, ``(S,)``.
        right: whether each test image is answered rightly at that θ, ``(S, N)``.
        mean_macs: per test image, of each seed, ``(S,)``.
    """

    val_accuracy: NDArray[np.float64]
    right: NDArray[np.bool_]
    mean_macs: NDArray[np.float64]


@dataclass(frozen=True)
class Paid:
    """The candidates that can pay at one share; ``names`` are the cells that name the share."""

    names: Row
    networks: Sequence[tuple[Candidate, Within]]


def trials(whole: Whole, found: Sequence[Candidate], score: str = "entropy") -> Iterator[Paid]:
    """Every candidate at every share of ``whole`` where all its seeds can pay.

    Args:
        whole: what budgets are shares of.
        found: the candidates.
        score: by which images leave, one of :data:`erde_core.scores.fitted.LABELS`; with one that
            is fitted, every candidate is chosen on the half of validation that no fit has seen.

    Raises:
        ValueError: validation is too small for two halves.
    """
    asked = [(one, [_asked(exits, score) for exits in one.seeds.values()]) for one in found]
    for share in SHARES:
        budget = whole.macs / share
        names = {"teacher_share": f"1/{share}", "budget_of": whole.of, "budget_macs": budget}
        tried = ((candidate, within(seeds, budget)) for candidate, seeds in asked)
        yield Paid(names, [(one, within) for one, within in tried if within is not None])


@dataclass(frozen=True)
class Asked:
    """One network of one seed: its operating points on validation, and what it says of test images.

    Logits are not kept: of ImageNet's classes and many pairs they would fill the memory.

    Attributes:
        points: on validation.
        score: by which images leave, of the N test images at E exits, ``(N, E)``.
        right: whether each exit's answer is right, ``(N, E)``.
        macs: to the end of each exit, ``(E,)``.
    """

    points: OperatingPoints
    score: NDArray[np.float64]
    right: NDArray[np.bool_]
    macs: NDArray[np.int64]


def _asked(exits: ExitLogits, label: str) -> Asked:
    """A network that never leaves early has nothing to fit, and is judged on the same images."""
    own = "entropy" if len(exits.macs) == 1 else label
    scored = score_logits(own, exits, halve=needs_fitting(label))
    points = split_sweep(scored.val, scored.macs, scored.score)
    values = scored.score.values(scored.test.logits)
    return Asked(points, values, right_answers(scored.test), scored.macs)


def within(seeds: Sequence[Asked], budget: float) -> Within | None:
    """What a network trained with these seeds gives; None where one of them cannot pay.

    Validation chooses one θ for each.
    """
    val, right, macs = [], [], []
    for one in seeds:
        index = best_index(one.points, budget)
        if index is None:
            return None
        taken = exit_indices(one.score, float(one.points.threshold[index]))
        val.append(float(one.points.accuracy[index]))
        right.append(one.right[np.arange(len(taken)), taken])
        macs.append(float(one.macs[taken].mean()))
    return Within(np.array(val), np.array(right), np.array(macs))


def trial_row(candidate: Candidate, within: Within) -> Row:
    """Means over the seeds, and the range of the test accuracy."""
    test = within.right.mean(axis=1).tolist()
    return {
        "way": candidate.way,
        "network": candidate.name,
        "val_accuracy": float(within.val_accuracy.mean()),
        "test_accuracy": float(np.mean(test)),
        "test_mean_macs": float(within.mean_macs.mean()),
        "seeds": len(test),
        "seed_lowest": min(test),
        "seed_highest": max(test),
    }


def _best(way: str, paid: Rows) -> Row:
    """The row with the best mean on validation, the first of equals; empty cells without one."""
    empty = dict.fromkeys(("network", "val_accuracy", "test_accuracy", "test_mean_macs"))
    nothing = {"way": way} | empty | dict.fromkeys(("seeds", "seed_lowest", "seed_highest"))
    best = max(paid, key=lambda row: row["val_accuracy"], default=nothing)
    return best | {"trials": len(paid)}


def _finished(names: Row, chosen: Rows) -> Iterator[Row]:
    paid = [row for row in chosen if row["network"] is not None]
    most = max((row["test_accuracy"] for row in paid), default=None)
    winner = max(paid, key=lambda row: row["val_accuracy"], default=None)
    for row in chosen:
        behind = None if row["network"] is None or most is None else row["test_accuracy"] - most
        yield (
            names
            | {"way": row["way"]}
            | {"trials": row["trials"], "network": row["network"], "chosen": row is winner}
            | {k: row[k] for k in ("val_accuracy", "test_accuracy", "test_mean_macs")}
            | {"behind_best": behind}
            | {k: row[k] for k in ("seeds", "seed_lowest", "seed_highest")}
        )
