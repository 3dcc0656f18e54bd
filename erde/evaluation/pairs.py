"""Networks that can be put together from two trained ones, without any training.

A cascade, or a mixture (a plain network before one that leaves early), answers as its members do,
so that its exit logits are theirs. One that averages its members is made where a file asks for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

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
    end is dearer.
    """
    plain, early = ([c for c in trained if c.way == way] for way in (PLAIN, EARLY_EXIT))
    made = [*_pairs(plain, plain, CASCADE), *_pairs(plain, early, MIXTURE)]
    known = {candidate.name for candidate in trained}
    return [*trained, *(candidate for candidate in made if candidate.name not in known)]


def in_order(first: ExitLogits, second: ExitLogits) -> ExitLogits:
    """The exit logits of a cascade of two networks, which were asked about the same images."""
    val, test = (
        replace(one, logits=np.concatenate([one.logits, other.logits], axis=1))
        for one, other in ((first.val, second.val), (first.test, second.test))
    )
    macs = np.concatenate([first.macs, first.macs[-1] + second.macs])
    return replace(first, val=val, test=test, macs=macs)


class _Joined(Mapping[int, ExitLogits]):
    """Exit logits of each seed's pair, put together when asked for: all pairs' fill a memory."""

    def __init__(self, first: Candidate, second: Candidate) -> None:
        self._first, self._second = first.seeds, second.seeds

    def __getitem__(self, seed: int) -> ExitLogits:
        return in_order(self._first[seed], self._second[seed])

    def __iter__(self) -> Iterator[int]:
        return iter(self._first)

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
