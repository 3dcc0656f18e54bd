"""Networks that can be put together from two trained ones, without any training.

A cascade, or a mixture (a plain network before one that leaves early), answers as its members do,
so that its exit logits are those of its members: their own, or averaged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from erde.experiment.trainings import CASCADE, EARLY_EXIT, MIXTURE, PLAIN
from erde_core.softmax import log_softmax
from erde_core.store.exit_logits import ExitLogits, SplitLogits

ARROW = " → "
AVERAGED = ", averaged"  # ends the name of a pair whose second member answers for both


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
    end is dearer; of each pair one that answers by its members' own logits, and one that averages.
    """
    plain, early = ([c for c in trained if c.way == way] for way in (PLAIN, EARLY_EXIT))
    made = [*_pairs(plain, plain, CASCADE), *_pairs(plain, early, MIXTURE)]
    known = {candidate.name for candidate in trained}
    return [*trained, *(candidate for candidate in made if candidate.name not in known)]


def in_order(first: ExitLogits, second: ExitLogits, *, average: bool = False) -> ExitLogits:
    """The exit logits of a cascade of two networks, which were asked about the same images.

    Args:
        first: asked first.
        second: asked where the first goes on.
        average: whether the second's exits answer by the mean of their own log-probabilities and
            of those of the first's last exit, as ``average: true`` of a cascade; else by their own.
    """
    joined = _averaged if average else _own
    val, test = joined(first.val, second.val), joined(first.test, second.test)
    macs = np.concatenate([first.macs, first.macs[-1] + second.macs])
    return replace(first, val=val, test=test, macs=macs)


class _Joined(Mapping[int, ExitLogits]):
    """Exit logits of each seed's pair, put together when asked for: all pairs' fill a memory."""

    def __init__(self, first: Candidate, second: Candidate, average: bool) -> None:
        self._first, self._second, self._average = first.seeds, second.seeds, average

    def __getitem__(self, seed: int) -> ExitLogits:
        return in_order(self._first[seed], self._second[seed], average=self._average)

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
                name = f"{cheap.name}{ARROW}{dear.name}"
                yield Candidate(name, way, _Joined(cheap, dear, average=False))
                yield Candidate(f"{name}{AVERAGED}", way, _Joined(cheap, dear, average=True))


def _end(candidate: Candidate) -> int:
    return int(next(iter(candidate.seeds.values())).macs[-1])


def _own(first: SplitLogits, second: SplitLogits) -> SplitLogits:
    return replace(first, logits=np.concatenate([first.logits, second.logits], axis=1))


def _averaged(first: SplitLogits, second: SplitLogits) -> SplitLogits:
    said = log_softmax(first.logits[:, -1:])
    both: NDArray[np.float32] = ((said + log_softmax(second.logits)) / 2).astype(np.float32)
    return replace(first, logits=np.concatenate([first.logits, both], axis=1))
