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
_LEAST = 10.0**-_DECADES
_BUCKET = 64  # levels that are also counted together
# Each bet multiplies its stake by 1 + slope · (p - 1/2) + bend · (12 (p - 1/2)² - 1): a mean of 1
# over uniform p, never negative. Slopes see surer or less sure images, bends more extreme ones.
BETS = ((0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (2.0, 0.0), (-2.0, 0.0), (0.0, 0.5), (0.0, -0.5))
JUMP = 0.01  # share of the capital that is dealt anew among the bets at each image
_KEPT, _DEALT = 1 - JUMP, JUMP / len(BETS)
# Never bet: with all of it at stake false alarms come as often as the bound allows, in the end.
RESERVE = 0.2
# Of the stakes as they are stored: far from what float64 cannot hold.
_SMALLEST, _LARGEST = 1e-100, 1e100


def level_of(score: float, largest: float) -> int:
    """The score quantised, 0 … LEVELS - 1, never falling as it rises; NaN is the highest.

    Levels are equal steps of the logarithm, 12 decades down from ``largest``.
    """
    share = score / largest
    if not share < 1:
        return LEVELS - 1
    if share <= _LEAST:
        return 0
    return 1 + int((LEVELS - 2) * (1 + math.log10(share) / _DECADES))


def _with_reserve(logarithm: float) -> float:
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
        self._draw = random.Random(seed).random
        self._seen, self._buckets = [0] * LEVELS, [0] * (LEVELS // _BUCKET)
        for level in levels:
            self._seen[level] += 1
            self._buckets[level // _BUCKET] += 1
        self._count = len(levels)
        self._stakes: tuple[float, ...] = (1 / len(BETS),) * len(BETS)
        # Stakes and capital are stored in a unit, of which this is the logarithm.
        self._unit, self._capital = 0.0, 1.0
        self._highest, self._most = 0.0, 1.0  # the logarithm, and the same in the unit
        self.images, self.alarm = 0, None

    images: int
    alarm: int | None

    @property
    def evidence(self) -> float:
        """See the class."""
        return _with_reserve(self._unit + math.log(self._capital))

    @property
    def highest(self) -> float:
        """See the class."""
        return _with_reserve(self._highest)

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

    # Both run for every image, beside networks of 0.2 ms: they are written for speed.

    def _rank(self, level: int) -> float:
        """The share of scores so far above this one, ties broken at random: uniform in 0 … 1."""
        seen, buckets, bucket = self._seen, self._buckets, level // _BUCKET
        ties = seen[level]
        # Whole buckets first, then the levels of its own.
        above = sum(buckets[bucket + 1 :]) + sum(seen[level + 1 : (bucket + 1) * _BUCKET])
        seen[level] = ties + 1
        buckets[bucket] += 1
        self._count += 1
        return (above + self._draw() * (ties + 1)) / self._count

    def _bet(self, p: float) -> None:
        """Each stake times its bet, one after the other as in ``BETS``; then a share is dealt."""
        still, up, down, steeply_up, steeply_down, edges, middle = self._stakes
        centred = p - 0.5
        slope = _KEPT * centred
        bend = 6 * slope * centred - 0.5 * _KEPT
        still *= _KEPT
        up *= _KEPT + slope
        down *= _KEPT - slope
        steeply_up *= _KEPT + 2 * slope
        steeply_down *= _KEPT - 2 * slope
        edges *= _KEPT + bend
        middle *= _KEPT - bend
        capital = (still + up + down + steeply_up + steeply_down + edges + middle) / _KEPT
        dealt = capital * _DEALT
        self._stakes = (
            still + dealt,
            up + dealt,
            down + dealt,
            steeply_up + dealt,
            steeply_down + dealt,
            edges + dealt,
            middle + dealt,
        )
        self._capital = capital
        self.images += 1
        if capital > self._most:
            self._rise(capital)
        if not _SMALLEST < capital < _LARGEST:
            self._change_unit(capital)

    def _rise(self, capital: float) -> None:
        self._most, self._highest = capital, self._unit + math.log(capital)
        if self.alarm is None and self.highest >= ALARM:
            self.alarm = self.images

    def _change_unit(self, capital: float) -> None:
        """The capital becomes 1 of a new unit."""
        self._unit += math.log(capital)
        self._stakes = tuple(stake / capital for stake in self._stakes)
        self._capital = 1.0
        self._most = math.exp(min(self._highest - self._unit, 700.0))
