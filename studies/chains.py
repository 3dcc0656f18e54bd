"""Every cascade and mixture of two or three networks, from published answers: nothing is trained.

    python -m studies.chains docs/results middle_cifar100_envelope

A cascade is two or three plain networks, a mixture one or two of them before an early-exit student,
each dearer than the one before; ``ways.yaml`` says which network is which. They were not named in
advance: of ever more trials the best on validation looks ever better than it is.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.envelope import ARROW, SHARES, Candidate, Paid, Within
from erde.experiment.trainings import CASCADE, EARLY_EXIT, MIXTURE, PLAIN
from erde_core.policy import exit_indices
from erde_core.store.exit_logits import SPLITS
from erde_core.store.tables import Row, read_table, write_table
from erde_core.sweep import best_index, sweep
from studies.contest import contest_rows
from studies.packing import unpacked_answers
from studies.ways import LIST, read_ways

_MEMBERS = (2, 3)
_LISTED = Path(__file__).with_name(LIST)


@dataclass(frozen=True)
class Answers:
    """What one network of one seed says of N images of each split, at E exits.

    Attributes:
        entropy: nats, float32 ``(N, E)``, by split.
        right: whether the answer is right, ``(N, E)``, by split.
        macs: multiply-accumulates of one image to the end of each exit, int64 ``(E,)``.
        classes: how many.
    """

    entropy: dict[str, NDArray[np.float32]]
    right: dict[str, NDArray[np.bool_]]
    macs: NDArray[np.int64]
    classes: int

    def before(self, other: "Answers") -> "Answers":
        """A chain of this network and ``other``, which is asked where this one goes on."""
        entropy, right = (
            {s: np.concatenate([mine[s], theirs[s]], axis=1) for s in SPLITS}
            for mine, theirs in ((self.entropy, other.entropy), (self.right, other.right))
        )
        macs = np.concatenate([self.macs, self.macs[-1] + other.macs])
        return Answers(entropy, right, macs, self.classes)


Seeds = dict[int, Answers]


def main(published: Path, experiment: str, listed: Path = _LISTED) -> None:
    """Write ``chains.csv`` beside the published answers of ``experiment``: rows as of the contest.

    Raises:
        ValueError: ``listed`` does not name the experiment, or answers of it are missing.
    """
    folder = published / experiment
    ways = read_ways(listed, experiment)
    arrays = unpacked_answers(folder / "answers.npz.xz")
    plain, early = (
        {names[0]: _seeds(arrays, names[0]) for names in ways[way]} for way in (PLAIN, EARLY_EXIT)
    )
    found = list(chains(plain, early))
    budgets = {r["teacher_share"]: r for r in read_table(folder / "contest.csv")}
    paid = [_paid(found, budgets[f"1/{share}"]) for share in SHARES]
    group = np.arange(len(arrays["test/labels"]))
    write_table(folder / "chains.csv", contest_rows(paid, group))


def chains(plain: dict[str, Seeds], early: dict[str, Seeds]) -> Iterator[tuple[str, str, Seeds]]:
    """(name, way, answers) of every network and of all that can be put together from them."""
    yield from ((name, PLAIN, seeds) for name, seeds in plain.items())
    yield from ((name, EARLY_EXIT, seeds) for name, seeds in early.items())
    by_cost = sorted(plain, key=lambda name: _end(plain[name]))
    for count in _MEMBERS:
        for names in combinations(by_cost, count):
            yield _chain(names, plain, CASCADE)
        for first in combinations(by_cost, count - 1):
            for last in early:
                if _end(plain[first[-1]]) < _end(early[last]):
                    yield _chain((*first, last), plain | early, MIXTURE)


def _chain(names: tuple[str, ...], known: dict[str, Seeds], way: str) -> tuple[str, str, Seeds]:
    joined = known[names[0]]
    for name in names[1:]:
        joined = {seed: one.before(known[name][seed]) for seed, one in joined.items()}
    return ARROW.join(names), way, joined


def _end(seeds: Seeds) -> int:
    return int(next(iter(seeds.values())).macs[-1])


def _seeds(arrays: dict[str, NDArray[Any]], name: str) -> Seeds:
    prefixes = {key.rsplit("/", 1)[0] for key in arrays if key.startswith(f"{name}/seed")}
    found = {}
    for prefix in sorted(p for p in prefixes if p.count("/") == 1):
        entropy, right = (
            {split: arrays[f"{prefix}/{split}/{kind}"] for split in SPLITS}
            for kind in ("entropy", "correct")
        )
        classes = 1 + max(int(arrays[f"{split}/labels"].max()) for split in SPLITS)
        found[int(prefix.partition("/seed")[2])] = Answers(
            entropy, right, arrays[f"{prefix}/macs"], classes
        )
    return found


def _paid(found: list[tuple[str, str, Seeds]], row: Row) -> Paid:
    """At the share that ``row`` names."""
    names = {key: row[key] for key in ("teacher_share", "budget_of", "budget_macs")}
    budget = float(row["budget_macs"])
    tried = ((Candidate(name, way, {}), _within(seeds, budget)) for name, way, seeds in found)
    return Paid(names, [(one, within) for one, within in tried if within is not None])


def _within(seeds: Seeds, budget: float) -> Within | None:
    """As of an envelope's network: validation chooses one θ for each seed's."""
    accuracy, right, cost = [], [], []
    for one in seeds.values():
        points = sweep(one.entropy["val"], one.right["val"], one.macs, one.classes)
        index = best_index(points, budget)
        if index is None:
            return None
        taken = exit_indices(one.entropy["test"], float(points.threshold[index]))
        accuracy.append(float(points.accuracy[index]))
        right.append(one.right["test"][np.arange(len(taken)), taken])
        cost.append(float(one.macs[taken].mean()))
    return Within(np.array(accuracy), np.array(right), np.array(cost))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
