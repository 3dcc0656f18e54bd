"""Every cascade of two or three plain networks, from published answers: nothing is trained.

    python -m studies.chains docs/results middle_cifar100_envelope

Each member is dearer than the one before; ``ways.yaml`` says which networks are plain, and which
leave early and stand beside them. The cascades were not named in advance: of ever more trials the
best on validation looks ever better than it is.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.envelope import SHARES, Asked, Paid, within
from erde.evaluation.pairs import ARROW, Candidate
from erde.experiment.trainings import CASCADE, EARLY_EXIT, PLAIN
from erde_core.errors import ErdeError
from erde_core.store.exit_logits import SPLITS
from erde_core.store.tables import Row, read_table, write_table
from erde_core.sweep import sweep
from studies.contest import contest_rows
from studies.packing import unpacked_answers
from studies.ways import LIST, read_score, read_ways

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

    No groups are published with answers: each test image is taken for one of its own.

    Raises:
        ValueError: ``listed`` does not name the experiment, or has it leave by another score than
            entropy; or answers of it are missing.
    """
    folder = published / experiment
    ways, score = read_ways(listed, experiment), read_score(listed, experiment)
    if score != "entropy":
        raise ErdeError(f"{experiment} must leave by entropy: no other is packed, got {score!r}")
    arrays = unpacked_answers(folder / "answers.npz.xz")
    plain, early = (
        {names[0]: _seeds(arrays, names[0]) for names in ways[way]} for way in (PLAIN, EARLY_EXIT)
    )
    found = chains(plain, early)
    budgets = {r["teacher_share"]: r for r in read_table(folder / "contest.csv")}
    asked = [(Candidate(n, way, {}), list(map(_asked, s.values()))) for n, way, s in found]
    paid = [_paid(asked, budgets[f"1/{share}"]) for share in SHARES]
    group = np.arange(len(arrays["test/labels"]))
    write_table(folder / "chains.csv", contest_rows(paid, group))


def chains(plain: dict[str, Seeds], early: dict[str, Seeds]) -> Iterator[tuple[str, str, Seeds]]:
    """(name, way, answers) of every network, and of every cascade of plain ones."""
    yield from ((name, PLAIN, seeds) for name, seeds in plain.items())
    yield from ((name, EARLY_EXIT, seeds) for name, seeds in early.items())
    by_cost = sorted(plain, key=lambda name: _end(plain[name]))
    for count in _MEMBERS:
        for names in combinations(by_cost, count):
            joined = plain[names[0]]
            for name in names[1:]:
                joined = {seed: one.before(plain[name][seed]) for seed, one in joined.items()}
            yield ARROW.join(names), CASCADE, joined


def _end(seeds: Seeds) -> int:
    return int(next(iter(seeds.values())).macs[-1])


def _seeds(arrays: dict[str, NDArray[Any]], name: str) -> Seeds:
    numbers = (re.fullmatch(rf"{re.escape(name)}/seed(\d+)/macs", key) for key in arrays)
    found = {int(n[1]): _answers(arrays, f"{name}/seed{n[1]}") for n in numbers if n}
    if not found:
        raise ErdeError(f"answers.npz.xz must hold every network of {LIST}, has none of {name}")
    return found


def _answers(arrays: dict[str, NDArray[Any]], network: str) -> Answers:
    entropy, right = (
        {split: arrays[f"{network}/{split}/{kind}"] for split in SPLITS}
        for kind in ("entropy", "correct")
    )
    classes = 1 + max(int(arrays[f"{split}/labels"].max()) for split in SPLITS)
    return Answers(entropy, right, arrays[f"{network}/macs"], classes)


def _asked(one: Answers) -> Asked:
    points = sweep(one.entropy["val"], one.right["val"], one.macs, one.classes)
    return Asked(points, one.entropy["test"].astype(np.float64), one.right["test"], one.macs)


def _paid(asked: list[tuple[Candidate, list[Asked]]], row: Row) -> Paid:
    """At the share that ``row`` names."""
    names = {key: row[key] for key in ("teacher_share", "budget_of", "budget_macs")}
    budget = float(row["budget_macs"])
    tried = ((candidate, within(seeds, budget)) for candidate, seeds in asked)
    return Paid(names, [(one, found) for one, found in tried if found is not None])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
