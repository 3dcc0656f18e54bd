"""The guard's arithmetic as its docstring tells it, image by image, for ``test_watch.py``."""

import math
import random
from functools import reduce
from itertools import accumulate
from operator import add

from erde_core.watch import ALARM, BETS, JUMP, RESERVE


def plain_ranks(validation, stream, seed=0):
    """Of each level of the stream the share of those so far above it; ties as the guard's draw."""
    seen, draws, ranks = list(map(int, validation)), random.Random(seed), []
    for level in map(int, stream):
        above, ties = sum(s > level for s in seen), seen.count(level)
        seen.append(level)
        ranks.append((above + draws.random() * (ties + 1)) / len(seen))
    return ranks


def plain_capitals(ranks):
    """The capital after each, to the last bit: the same sums in the same order as the guard's.

    Only where float64 holds it: from 1e-100 to 1e100.
    """
    stakes, kept, capitals = [1 / len(BETS)] * len(BETS), 1 - JUMP, []
    for p in ranks:
        centred = p - 0.5
        slope = kept * centred
        for n, (a, b) in enumerate(BETS):
            stakes[n] *= kept + a * slope + b * (12 * slope * centred - kept)
        capital = reduce(add, stakes) / kept  # sum() rounds otherwise from Python 3.12 on
        stakes = [stake + capital * (JUMP / len(BETS)) for stake in stakes]
        capitals.append(capital)
    return capitals


def plain_evidence(ranks):
    """Evidence, the highest so far, and the alarm's image or None, after each image."""
    capitals = plain_capitals(ranks)
    evidence = [_with_reserve(capital) for capital in capitals]
    highest = [_with_reserve(most) for most in accumulate(capitals, max, initial=1.0)][1:]
    alarm = next((n for n, most in enumerate(highest, 1) if most >= ALARM), math.inf)
    return [
        (now, most, alarm if n >= alarm else None)
        for n, (now, most) in enumerate(zip(evidence, highest, strict=True), 1)
    ]


def _with_reserve(capital):
    return RESERVE + (1 - RESERVE) * math.exp(math.log(capital))
