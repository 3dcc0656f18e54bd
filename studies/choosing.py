"""Which rule chooses a network best, asked of validation images alone.

Half of them choose θ and the network, the other half says what was chosen; many halves, drawn anew.
Test images play no part.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.pairs import Candidate
from erde_core.outcomes import right_answers
from erde_core.policy import exit_indices
from erde_core.scores.fitted import FittedScore
from erde_core.store.exit_logits import ExitLogits
from erde_core.store.tables import Row
from erde_core.sweep import best_index, sweep

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
DRAWS = 100
_SIZES = (50, 100)  # images to choose on, beside the whole half


@dataclass(frozen=True)
class _Asked:
    """One network of one seed on validation: scores and right answers ``(N, E)``."""

    score: Float64
    right: Bool
    macs: NDArray[np.int64]
    largest: float

    def told(self, choose: Bool, tell: Sequence[Bool], budgets: Sequence[float]) -> list[Float64]:
        """Of each split in ``tell`` right answers ``(B, n)``, at the θ that ``choose`` chose.

        NaN where the network cannot pay.
        """
        points = sweep(self.score[choose], self.right[choose], self.macs, largest=self.largest)
        found = [np.full((len(budgets), int(mask.sum())), np.nan) for mask in tell]
        for row, budget in enumerate(budgets):
            index = best_index(points, budget)
            if index is not None:
                theta = float(points.threshold[index])
                for told, mask in zip(found, tell, strict=True):
                    taken = exit_indices(self.score[mask], theta)
                    told[row] = self.right[mask][np.arange(len(taken)), taken]
        return found


@dataclass(frozen=True)
class Seen:
    """What a rule may look at, of M candidates and S seeds at one budget.

    Attributes:
        right: on the n images that chose θ, the mean over the seeds, ``(M, n)``.
        one_seed: accuracy there of the first seed alone, ``(M,)``.
        crossed: accuracy on each half of them at the θ that the other half chose, ``(M,)``.
        size: number of exits, then MACs of the whole network: small is simple.
    """

    right: Float64
    one_seed: Float64
    crossed: Float64
    size: Sequence[tuple[int, int]]


def mean_over_seeds(seen: Seen) -> int:
    """The best mean."""
    return int(seen.right.mean(axis=1).argmax())


def first_seed(seen: Seen) -> int:
    """The best of one seed: what somebody with one training of each network sees."""
    return int(seen.one_seed.argmax())


def one_standard_error(seen: Seen) -> int:
    """The simplest whose mean is within one standard error of the best, paired over images."""
    behind = seen.right[mean_over_seeds(seen)] - seen.right
    error = behind.std(axis=1, ddof=1) / np.sqrt(behind.shape[1])
    near = np.flatnonzero(behind.mean(axis=1) <= error)
    return min(near.tolist(), key=lambda index: seen.size[index])


def crossed(seen: Seen) -> int:
    """The best mean where no image counts at a θ that it helped to choose."""
    return int(seen.crossed.argmax())


RULES: dict[str, Callable[[Seen], int]] = {
    "mean over seeds": mean_over_seeds,
    "first seed": first_seed,
    "one standard error": one_standard_error,
    "crossed": crossed,
}


def rule_rows(
    found: Sequence[Candidate], budgets: Mapping[str, float], score: str = "entropy"
) -> list[Row]:
    """One row per rule, number of images to choose on, and share.

    ``lost`` is how far the rule's choice lies below the candidate that is best on the other half
    over all draws together: in fractions, a mean over draws and seeds.

    Args:
        found: the networks to choose among, with the same seeds and validation images.
        budgets: MACs per image by their names.
        score: by which images leave, one that needs no fit.
    """
    asked = [[_asked(exits, score) for exits in one.seeds.values()] for one in found]
    sizes = [(len(one[0].macs), int(one[0].macs[-1])) for one in asked]
    labels = next(iter(found[0].seeds.values())).val.labels
    sums: dict[tuple[str, int, str], float] = {}
    other_half = np.zeros((len(budgets), len(found)))
    for draw in range(DRAWS):
        half, order = _half(labels, np.random.default_rng(draw))
        whole = int(half.sum())
        for images in (*(size for size in _SIZES if size < whole), whole):
            choose = np.zeros_like(half)
            choose[order[:images]] = True
            seen, told = _draw(asked, choose, ~half, list(budgets.values()), sizes)
            if images == whole:
                other_half += told
            for row, name in enumerate(budgets):
                able = np.flatnonzero(~np.isnan(told[row]))
                for rule, choice in RULES.items():
                    key = (rule, images, name)
                    index = able[choice(_only(seen[row], able))]
                    sums[key] = sums.get(key, 0.0) + float(told[row, index])
    best = {name: float(np.nanmax(other_half[row])) for row, name in enumerate(budgets)}
    return [
        {"rule": rule, "images": images, "teacher_share": name, "networks": len(found)}
        | {"accuracy": total / DRAWS, "lost": (best[name] - total) / DRAWS, "draws": DRAWS}
        for (rule, images, name), total in sums.items()
    ]


def _asked(exits: ExitLogits, name: str) -> _Asked:
    score = FittedScore(name, exits.val.logits.shape[2])
    values = score.values(exits.val.logits)
    return _Asked(values, right_answers(exits.val), exits.macs, score.largest)


def _half(labels: NDArray[np.int64], rng: np.random.Generator) -> tuple[Bool, NDArray[np.int64]]:
    """A half with half of every class, and its images in an order that deals classes in turn."""
    order = rng.permutation(len(labels))
    rank = np.empty(len(labels), np.int64)  # of each image in its class
    for label in np.unique(labels):
        mine = order[labels[order] == label]
        rank[mine] = np.arange(len(mine))
    half = rank % 2 == 0
    dealt = order[np.argsort(rank[order], kind="stable")]
    return half, dealt[half[dealt]]


def _draw(
    asked: Sequence[Sequence[_Asked]],
    choose: Bool,
    tell: Bool,
    budgets: Sequence[float],
    size: Sequence[tuple[int, int]],
) -> tuple[list[Seen], Float64]:
    """What rules see at each budget, and the accuracy on ``tell``, ``(B, M)``."""
    index = np.flatnonzero(choose)
    first, second = np.zeros_like(choose), np.zeros_like(choose)
    first[index[::2]], second[index[1::2]] = True, True
    own, others, across = [], [], []
    for seeds in asked:
        both = [one.told(choose, (choose, tell), budgets) for one in seeds]
        own.append(np.array([right for right, _ in both]))
        others.append(np.mean([right for _, right in both], axis=0).mean(axis=1))
        across.append(np.mean([_across(one, first, second, budgets) for one in seeds], axis=0))
    right, told = np.array(own), np.array(others).T  # (M, S, B, n), (B, M)
    seen = [
        Seen(
            right[:, :, row].mean(axis=1),
            right[:, 0, row].mean(axis=1),
            np.array(across)[:, row],
            size,
        )
        for row in range(len(budgets))
    ]
    return seen, told


def _across(one: _Asked, first: Bool, second: Bool, budgets: Sequence[float]) -> Float64:
    (right,), (other,) = (
        one.told(choose, (tell,), budgets) for choose, tell in ((first, second), (second, first))
    )
    accuracy: Float64 = np.concatenate([right, other], axis=1).mean(axis=1)
    return accuracy


def _only(seen: Seen, able: NDArray[np.int64]) -> Seen:
    """The candidates that can pay; one that cannot on a part of the images is the last choice."""
    crossed_there = np.nan_to_num(seen.crossed[able], nan=-1.0)
    sizes = [seen.size[index] for index in able]
    return Seen(seen.right[able], seen.one_seed[able], crossed_there, sizes)
