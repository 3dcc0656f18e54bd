"""How often does the guard cry wolf? By simulation, the sampling of the validation set included.

Each stream draws its own validation set and its own images from one population, the scores of a
real network; whatever alarm there is, is false. Compiled, since pure Python would take hours; the
tests hold it against ``erde_core.watch`` number by number.

The full campaign: ``python -m tests.erde_core.watch_streams``, some minutes.
"""

import argparse
import sys

import numpy as np
from numba import njit, prange
from scipy.stats import binom

from erde_core.softmax import entropy
from erde_core.watch import ALARM, BETS, JUMP, LEVELS, RESERVE, level_of
from tests.erde_core.scores.exits import exits

IMAGES, SIZES, ALLOWED = 10_000, (200, 400, 5000), 1 / ALARM
_BETS, _LOG_ALARM = np.array(BETS), np.log((ALARM - RESERVE) / (1 - RESERVE))


def population():
    """Levels of the first exit of a trained network, 250 images: many ties, as quantised."""
    logits, _ = exits("real")
    largest = 2 * np.log(logits.shape[2])
    return np.array([level_of(h, largest) for h in entropy(logits)[:, 0]]), largest


@njit
def first_alarm(validation, stream, uniform):
    """The number of the first image with an alarm, 0 without; and the largest log-capital."""
    tree, ties = np.zeros(LEVELS + 1, np.int64), np.zeros(LEVELS, np.int64)
    for level in validation:
        _insert(tree, ties, level)
    stakes = np.full(len(_BETS), 1 / len(_BETS))
    logarithm, highest, alarm = 0.0, 0.0, 0
    for n in range(len(stream)):
        level, count = stream[n], len(validation) + n
        above, tied = count - _not_above(tree, level), ties[level]
        _insert(tree, ties, level)
        centred = (above + uniform[n] * (tied + 1)) / (count + 1) - 0.5
        stakes *= 1 + _BETS[:, 0] * centred + _BETS[:, 1] * (12 * centred * centred - 1)
        total = stakes.sum()
        stakes = stakes * (1 - JUMP) / total + JUMP / len(_BETS)
        logarithm += np.log(total)
        highest = max(highest, logarithm)
        if not alarm and highest >= _LOG_ALARM:
            alarm = n + 1
    return alarm, highest


@njit
def _insert(tree, ties, level):
    ties[level] += 1
    place = level + 1
    while place <= LEVELS:
        tree[place] += 1
        place += place & -place


@njit
def _not_above(tree, level):
    place, total = level + 1, 0
    while place:
        total += tree[place]
        place &= place - 1
    return total


@njit(parallel=True)
def _alarms(levels, size, images, streams, seed):
    found = np.zeros(streams, np.bool_)
    for s in prange(streams):
        np.random.seed(seed + s)
        validation = levels[np.random.randint(0, len(levels), size)]
        stream = levels[np.random.randint(0, len(levels), images)]
        found[s] = first_alarm(validation, stream, np.random.random(images))[0] > 0
    return found


def false_alarms(size, images=IMAGES, streams=2000, seed=0):
    """In how many of so many streams there was an alarm."""
    return int(_alarms(population()[0], size, images, streams, seed).sum())


def most_allowed(streams):
    """Alarms that a probability of 1 / 20 exceeds once in a hundred campaigns."""
    return int(binom.ppf(0.99, streams, ALLOWED))


def main(streams, sizes):
    """Print the share of false alarms per validation size; 1 if one is above 5 %."""
    shares = {}
    for size in sizes:
        shares[size] = false_alarms(size, streams=streams) / streams
        print(f"{size} validation images: alarm in {shares[size]:.2%} of {streams} streams")
    return int(max(shares.values()) > ALLOWED)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    sys.exit(main(options.streams, options.sizes))
