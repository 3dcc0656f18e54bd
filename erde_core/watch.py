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

What an image costs lies mostly in the processor's memory, which the network between two images has
used for itself. So images wait until one of them could raise the alarm at all, and are then looked
at together: no bet more than doubles the capital. Every number is the same as one by one.

A deployment carries this file along, so it needs the standard library alone.
"""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ALARM = 20.0
LEVELS = 4096  # of the quantised score; a power of two, as in the manifest
_DECADES = 12  # below the largest value, that the levels tell apart
_LEAST = 10.0**-_DECADES
# Counts of levels are packed 64 into one whole number of Python, 40 bits each: the scores above any
# of them are one shift away, and one sum counts an image among those above all lower levels.
_BITS, _FIELD = 6, 40
_GROUP = 1 << _BITS
_LAST = _GROUP - 1
_COUNT = (1 << _FIELD) - 1
_SHIFTS = tuple(range(0, _GROUP * _FIELD, _FIELD))
_BELOW = tuple(((1 << shift) - 1) // _COUNT for shift in _SHIFTS)  # a 1 in each lower field
# Each bet multiplies its stake by 1 + slope · (p - 1/2) + bend · (12 (p - 1/2)² - 1): a mean of 1
# over uniform p, never negative. Slopes see surer or less sure images, bends more extreme ones.
BETS = ((0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (2.0, 0.0), (-2.0, 0.0), (0.0, 0.5), (0.0, -0.5))
JUMP = 0.01  # share of the capital that is dealt anew among the bets at each image
_KEPT, _DEALT = 1 - JUMP, JUMP / len(BETS)
# Never bet: with all of it at stake false alarms come as often as the bound allows, in the end.
RESERVE = 0.2
# Of the stakes as they are stored: far from what float64 cannot hold.
_SMALLEST, _LARGEST = 1e-100, 1e100
_BLOCK = 64  # images that wait at most, or the one that ends the wait would take too long
# A little less, as a logarithm, than the bets' capital at the alarm: sums round.
_BEFORE_ALARM = math.log((ALARM - RESERVE) / (1 - RESERVE)) - 1e-9


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


def _counts_above(counts: Iterable[int]) -> int:
    """How often each of 64 was exceeded, packed."""
    return sum(count * below for count, below in zip(counts, _BELOW, strict=True))


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
        self._seen, self._count = [0] * LEVELS, len(levels)
        for level in levels:
            self._seen[level] += 1
        groups = [self._seen[n : n + _GROUP] for n in range(0, LEVELS, _GROUP)]
        self._within, self._groups = (
            [_counts_above(g) for g in groups],
            _counts_above(map(sum, groups)),
        )
        self._stakes: tuple[float, ...] = (1 / len(BETS),) * len(BETS)
        # Stakes and capital are stored in a unit, of which this is the logarithm.
        self._unit, self._capital = 0.0, 1.0
        self._highest, self._most = 0.0, 1.0  # the logarithm, and the same in the unit
        self.alarm: int | None = None
        self._settled, self._waiting = 0, list[float]()
        self._enough = self._images_until_alarm()

    @property
    def images(self) -> int:
        """See the class."""
        return self._settled + len(self._waiting)

    @property
    def evidence(self) -> float:
        """See the class."""
        self._settle()
        return _with_reserve(self._unit + math.log(self._capital))

    @property
    def highest(self) -> float:
        """See the class."""
        self._settle()
        return _with_reserve(self._highest)

    def update(self, scores: Iterable[float]) -> bool:
        """Look at further images, in their order.

        Args:
            scores: of the first exit, as ``Runner.scored`` gives them.

        Returns:
            whether there has been an alarm, now or before.
        """
        self._waiting.extend(map(float, scores))
        if len(self._waiting) >= self._enough:
            self._settle()
        return self.alarm is not None

    def _settle(self) -> None:
        """Look at the images that wait."""
        levels = [level_of(score, self._largest) for score in self._waiting]
        self._waiting.clear()
        for start in range(0, len(levels), _BLOCK):
            self._bet(self._ranks(levels[start : start + _BLOCK]))
        self._enough = self._images_until_alarm()

    def _images_until_alarm(self) -> int:
        """So many more images could raise it, if each doubled the capital."""
        if self.alarm is not None:
            return _BLOCK
        doublings = (_BEFORE_ALARM - self._unit - math.log(self._capital)) / math.log(2)
        return min(1 + int(doublings), _BLOCK)

    # Both run for every image, beside networks of 0.2 ms: they are written for speed.

    def _ranks(self, levels: Sequence[int]) -> list[float]:
        """Of each image the share of scores so far above its own, ties broken at random.

        Uniform in 0 … 1, and independent, while all are exchangeable.
        """
        seen, groups, within, draw = self._seen, self._groups, self._within, self._draw
        ranks = []
        for count, level in enumerate(levels, self._count + 1):
            group, place = level >> _BITS, level & _LAST
            ties, inside = seen[level] + 1, within[group]
            above = (groups >> _SHIFTS[group] & _COUNT) + (inside >> _SHIFTS[place] & _COUNT)
            ranks.append((above + draw() * ties) / count)
            groups += _BELOW[group]
            within[group] = inside + _BELOW[place]
            seen[level] = ties
        self._groups = groups
        self._count += len(levels)
        return ranks

    def _bet(self, ranks: Sequence[float]) -> None:
        """Each stake times its bet, one after the other as in ``BETS``; then a share is dealt."""
        still, up, down, steeply_up, steeply_down, edges, middle = self._stakes
        capital, most = self._capital, self._most
        for image, p in enumerate(ranks, self._settled + 1):
            centred = p - 0.5
            slope = _KEPT * centred
            bend = 6 * slope * centred - 0.5 * _KEPT
            twice = 2 * slope
            still *= _KEPT
            up *= _KEPT + slope
            down *= _KEPT - slope
            steeply_up *= _KEPT + twice
            steeply_down *= _KEPT - twice
            edges *= _KEPT + bend
            middle *= _KEPT - bend
            capital = (still + up + down + steeply_up + steeply_down + edges + middle) / _KEPT
            dealt = capital * _DEALT
            still += dealt
            up += dealt
            down += dealt
            steeply_up += dealt
            steeply_down += dealt
            edges += dealt
            middle += dealt
            if capital > most:
                most = capital
                self._rise(image, capital)
            if not _SMALLEST < capital < _LARGEST:
                stakes = (still, up, down, steeply_up, steeply_down, edges, middle)
                still, up, down, steeply_up, steeply_down, edges, middle = (
                    stake / capital for stake in stakes
                )
                most, capital = self._change_unit(capital), 1.0
        self._stakes = (still, up, down, steeply_up, steeply_down, edges, middle)
        self._capital, self._most = capital, most
        self._settled += len(ranks)

    def _rise(self, image: int, capital: float) -> None:
        """The capital has never been as large."""
        self._highest = self._unit + math.log(capital)
        if self.alarm is None and _with_reserve(self._highest) >= ALARM:
            self.alarm = image

    def _change_unit(self, capital: float) -> float:
        """The capital becomes 1 of a new unit; the most that it has been, in that."""
        self._unit += math.log(capital)
        return math.exp(min(self._highest - self._unit, 700.0))
