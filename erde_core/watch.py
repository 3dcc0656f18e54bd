"""A guard in use: are the images that come still like the validation images, to the network?

A certificate and an operating point hold for images like those of validation. The guard watches
how unsure the first exit is, the one score that every image has, whatever θ. While stream and
validation images are exchangeable, the rank of each new score among all so far is uniform; the
guard bets against that, and wins where it is not so. Its capital is a martingale that starts at 1,
so that it ever reaches 20 with a probability of at most 1 / 20 (Ville's inequality), however long
one watches, and for validation sets of any size: that they are a sample, too, is part of it.

Conformal test martingale: Vovk, Nouretdinov and Gammerman, 2003, "Testing exchangeability
on-line"; Vovk, 2021, "Testing randomness online", Statistical Science 36, 595. Betting: the simple
jumper of Vovk et al., 2021, "Retrain or not retrain", arXiv 2102.10439, with more bets.

A deployment carries this file along, so it needs the standard library alone.
"""

import math
import random
from collections.abc import Iterable, Mapping
from typing import Any

ALARM = 20.0
LEVELS = 4096  # of the quantised score; a power of two, as in the manifest
_DECADES = 12  # below the largest value, that the levels tell apart
# Each bet multiplies its stake by 1 + slope · (p - 1/2) + bend · (12 (p - 1/2)² - 1): a mean of 1
# over uniform p, never negative. Slopes see surer or less sure images, bends more extreme ones.
BETS = ((0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (2.0, 0.0), (-2.0, 0.0), (0.0, 0.5), (0.0, -0.5))
JUMP = 0.01  # share of the capital that is dealt anew among the bets at each image
# Never bet: with all of it at stake false alarms come as often as the bound allows, in the end.
RESERVE = 0.2


def level_of(score: float, largest: float) -> int:
    """The score quantised, 0 … LEVELS - 1, never falling as it rises; NaN is the highest.

    Levels are equal steps of the logarithm, 12 decades down from ``largest``.
    """
    share = score / largest
    if not share < 1:
        return LEVELS - 1
    if share <= 10.0**-_DECADES:
        return 0
    return 1 + int((LEVELS - 2) * (1 + math.log10(share) / _DECADES))


def _capital(logarithm: float) -> float:
    """Reserve and bets together."""
    return RESERVE + (1 - RESERVE) * math.exp(min(logarithm, 700.0))


class Watch:
    """The guard over one stream of images; not for several threads at once.

    Attributes:
        images: seen so far.
        evidence: the capital now, a factor against the stream being like validation.
        highest: the largest it has been.
        alarm: the number of the image (1 is the first) at which it first reached ``ALARM``, or
            None.
    """

    def __init__(self, manifest: Mapping[str, Any], seed: int = 0) -> None:
        """Begin a stream.

        Args:
            manifest: of the deployment.
            seed: of the draws that break ties; any is as good.

        Raises:
            ValueError: the manifest has no validation scores.
        """
        levels = manifest["watch"]["validation_scores"]
        if levels is None:
            raise ValueError(
                "watch must have validation scores to hold a stream against, got a deployment "
                "without: deploy the network anew, with an early exit and validation images"
            )
        self._largest = float(manifest["largest_theta"])
        self._random = random.Random(seed)
        self._tree, self._ties, self._count = [0] * (LEVELS + 1), [0] * LEVELS, 0
        for level in levels:
            self._insert(level)
        self._stakes = [1 / len(BETS)] * len(BETS)
        self._logarithm, self._highest = 0.0, 0.0
        self.images, self.alarm = 0, None

    images: int
    alarm: int | None

    @property
    def evidence(self) -> float:
        """See the class."""
        return _capital(self._logarithm)

    @property
    def highest(self) -> float:
        """See the class."""
        return _capital(self._highest)

    def update(self, scores: Iterable[float]) -> bool:
        """Look at further images, in their order.

        Args:
            scores: of the first exit, as ``Runner.scored`` gives them.

        Returns:
            whether there has been an alarm, now or before.
        """
        for score in scores:
            self._bet(self._rank(level_of(float(score), self._largest)))
        return self.alarm is not None

    def _rank(self, level: int) -> float:
        """The share of scores so far above this one, ties broken at random: uniform in 0 … 1."""
        ties, above = self._ties[level], self._count - self._not_above(level)
        self._insert(level)
        return (above + self._random.random() * (ties + 1)) / self._count

    def _bet(self, p: float) -> None:
        centred = p - 0.5
        bend = 12 * centred * centred - 1
        won = [
            stake * (1 + slope * centred + curve * bend)
            for stake, (slope, curve) in zip(self._stakes, BETS, strict=True)
        ]
        total = sum(won)
        kept, dealt = (1 - JUMP) / total, JUMP / len(BETS)
        self._stakes = [kept * stake + dealt for stake in won]
        self.images += 1
        self._logarithm += math.log(total)
        if self._logarithm > self._highest:
            self._highest = self._logarithm
            if self.alarm is None and self.evidence >= ALARM:
                self.alarm = self.images

    # How many scores lie at or below a level: a Fenwick tree, 12 steps whatever has been seen.

    def _insert(self, level: int) -> None:
        self._ties[level] += 1
        self._count += 1
        place = level + 1
        while place <= LEVELS:
            self._tree[place] += 1
            place += place & -place

    def _not_above(self, level: int) -> int:
        place, total = level + 1, 0
        while place:
            total += self._tree[place]
            place &= place - 1
        return total
