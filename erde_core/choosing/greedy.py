"""A greedy path from the full network to its first exit: always the move that loses least per MAC.

A move lets the next surest images of one exit leave there. The path passes every budget.
"""

from dataclasses import dataclass

import numpy as np

from erde_core.choosing.images import Float64, Int64, ScoredImages


@dataclass(frozen=True)
class GreedyPath:
    """Where the path has been, strict to loose; S + 1 places.

    Attributes:
        passed: how many of each early exit's images, from sure to unsure, its threshold lets
            pass, ``(S + 1, E - 1)``.
        right: images answered rightly, ``(S + 1,)``.
        cost: multiply-accumulates of all images, ``(S + 1,)``.
    """

    passed: Int64
    right: Int64
    cost: Int64

    def start(self, images: ScoredImages, budget: float) -> Float64 | None:
        """The thresholds of the path's most accurate place within a budget, the cheapest of equals.

        None where no place is cheap enough.
        """
        within = np.flatnonzero(self.cost <= budget * len(images.early))
        if not len(within):
            return None
        best = within[np.lexsort((self.cost[within], -self.right[within]))[0]]
        return np.array([images.passing(e, int(n)) for e, n in enumerate(self.passed[best])])


def greedy_path(images: ScoredImages, block: int) -> GreedyPath:
    """The path in moves of ``block`` images that change their exit (more where scores tie)."""
    walk = _Walk(images, block)
    right, cost = images.outcome(np.zeros(len(images.macs) - 1))
    places = [(list(walk.passed), int(right.sum()), int(cost.sum()))]
    while (move := walk.best_move()) is not None:
        walk.make(move)
        _, right_now, cost_now = places[-1]
        places.append((list(walk.passed), right_now + move.gain, cost_now - move.saving))
    passed, right_sums, costs = zip(*places, strict=True)
    shape = (len(places), len(images.macs) - 1)
    return GreedyPath(
        np.array(passed, np.int64).reshape(shape), *map(np.array, (right_sums, costs))
    )


@dataclass(frozen=True)
class _Move:
    """Images that leave at ``exit`` once its threshold passes the first ``passed`` of its order."""

    exit: int
    passed: int
    samples: list[int]
    gain: int
    saving: int

    def rank(self) -> tuple[float, int, int]:
        """Right answers won per multiply-accumulate saved; then the saving, then the earlier exit.

        Where exits cost the same, a move that saves nothing is judged by what it wins.
        """
        ratio = self.gain / self.saving if self.saving else self.gain * np.inf if self.gain else 0.0
        return ratio, self.saving, -self.exit


class _Walk:
    """Where each image leaves now. Plain lists: one element at a time, arrays are slower."""

    def __init__(self, images: ScoredImages, block: int) -> None:
        self.block, self.macs = block, images.macs.tolist()
        self.correct = images.correct.astype(np.int64).tolist()
        self.order, self.scores = [], []
        for e in range(len(self.macs) - 1):
            scores = images.early[images.order[:, e], e]
            count = int(np.isfinite(scores).sum())
            self.order.append(images.order[:count, e].tolist())
            self.scores.append(scores[:count].tolist())
        self.passed = [0] * len(self.order)
        self.leaves = [len(self.macs) - 1] * len(self.correct)
        self.moves: dict[int, _Move | None] = {}

    def best_move(self) -> _Move | None:
        """The best of each exit's next moves; None at the path's end."""
        for e in range(len(self.order)):
            if e not in self.moves:
                self.moves[e] = self._next(e)
        return max(filter(None, self.moves.values()), key=_Move.rank, default=None)

    def make(self, move: _Move) -> None:
        for n in move.samples:
            self.leaves[n] = move.exit
        self.passed[move.exit] = move.passed
        moved = set(move.samples)
        for e, other in list(self.moves.items()):
            # A later exit can no longer gain an image that leaves earlier now. An image that left
            # even later can still leave earlier, with another gain.
            if other is not None and not moved.isdisjoint(other.samples):
                del self.moves[e]

    def _next(self, e: int) -> _Move | None:
        order, scores = self.order[e], self.scores[e]
        while self.passed[e] < len(order) and self.leaves[order[self.passed[e]]] <= e:
            self.passed[e] += 1  # it has left already; this exit's threshold does not matter
        position = self.passed[e]
        samples: list[int] = []
        gain = saving = 0
        while position < len(order):
            if len(samples) >= self.block and scores[position] != scores[position - 1]:
                break
            n = order[position]
            before = self.leaves[n]
            if before > e:
                samples.append(n)
                gain += self.correct[n][e] - self.correct[n][before]
                saving += self.macs[before] - self.macs[e]
            position += 1
        return _Move(e, position, samples, gain, saving) if samples else None
