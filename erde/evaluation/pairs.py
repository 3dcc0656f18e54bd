"""Networks that can be put together from two trained ones, without any training.

A cascade, or a mixture (a plain network before one that leaves early), answers as its members do,
so that its exit logits are theirs. One that averages its members is made where a file asks for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from erde.experiment.trainings import CASCADE, EARLY_EXIT, MIXTURE, PLAIN
from erde_core.store.exit_logits import ExitLogits

ARROW = " → "


@dataclass(frozen=True)
class Candidate:
    """A network that one could ship: trained with several seeds, or put together from such.

    Attributes:
        name: a variant's label, a plain network's name, or several joined by an arrow.
        way: plain, early exit, cascade or mixture.
        seeds: its exit logits.
    """

    name: str
    way: str
    seeds: Mapping[int, ExitLogits]


def candidates(trained: Sequence[Candidate]) -> list[Candidate]:
    """Those that were trained, and what can be put together from two of them.

    A plain network before every dearer plain one, and before every one that leaves early and whose
    end is dearer. What was itself trained, or named by the file, is not put together again.
    """
    plain, early = ([c for c in trained if c.way == way] for way in (PLAIN, EARLY_EXIT))
    made = [*_pairs(plain, plain, CASCADE), *_pairs(plain, early, MIXTURE)]
    return [*trained, *(one for one in made if not any(_same(one, other) for other in trained))]


def in_order(first: ExitLogits, second: ExitLogits) -> ExitLogits:
    """The exit logits of a cascade of two networks, which were asked about the same images."""
    val, test = (
        replace(one, logits=np.concatenate([one.logits, other.logits], axis=1))
        for one, other in ((first.val, second.val), (first.test, second.test))
    )
    return replace(first, val=val, test=test, macs=_macs(first, second))


def _macs(first: ExitLogits, second: ExitLogits) -> NDArray[np.int64]:
    return np.concatenate([first.macs, first.macs[-1] + second.macs])


def _same(made: Candidate, trained: Candidate) -> bool:
    """Whether both answer alike: a cascade of the file has the members' logits, under its name.

    The costs, which ``made`` knows without being put together, tell nearly all others apart.
    """
    if made.name == trained.name:
        return True
    if made.seeds.keys() != trained.seeds.keys() or not isinstance(made.seeds, _Joined):
        return False
    seed = next(iter(made.seeds))
    if made.seeds.macs(seed) != trained.seeds[seed].macs.tolist():
        return False
    return all(_alike(made.seeds[seed], trained.seeds[seed]) for seed in made.seeds)


def _alike(one: ExitLogits, other: ExitLogits) -> bool:
    pair = one.val.logits, other.val.logits
    return pair[0].shape == pair[1].shape and np.allclose(*pair, rtol=1e-3, atol=1e-3)


class _Joined(Mapping[int, ExitLogits]):
    """Exit logits of each seed's pair, put together when asked for: all pairs' fill a memory."""

    def __init__(self, first: Candidate, second: Candidate) -> None:
        self._first, self._second = first.seeds, second.seeds

    def __getitem__(self, seed: int) -> ExitLogits:
        return in_order(self._first[seed], self._second[seed])

    def __iter__(self) -> Iterator[int]:
        return iter(self._first)

    def macs(self, seed: int) -> list[int]:
        """To the end of each exit, without putting anything together."""
        found: list[int] = _macs(self._first[seed], self._second[seed]).tolist()
        return found

    def __len__(self) -> int:
        return len(self._first)


def _pairs(
    first: Sequence[Candidate], second: Sequence[Candidate], way: str
) -> Iterator[Candidate]:
    for cheap in first:
        for dear in second:
            if _end(cheap) < _end(dear) and cheap.seeds.keys() == dear.seeds.keys():
                yield Candidate(f"{cheap.name}{ARROW}{dear.name}", way, _Joined(cheap, dear))


def _end(candidate: Candidate) -> int:
    return int(next(iter(candidate.seeds.values())).macs[-1])
