"""Whether certified θ of trained networks in 8 bits keep their promise, resampled from logits.

python -m benchmarks.int8_certificate results/digits/erde/seed0/int8_exit_logits.h5 …

The images of validation and test are the population, whose harm at each θ is known. Validation
sets are drawn from it, and θ certified on each; counted is where the population's harm is larger
than promised. The last column shows what the bare share among the drawn images would do instead.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import binom

from erde_core.certify import certified_index, critical_count, harm_counts, harm_steps
from erde_core.outcomes import right_answers
from erde_core.softmax import entropy
from erde_core.store.exit_logits import read_exit_logits

DRAWS, DELTA, CHUNK = 2000, 0.1, 500
PROMISES = ((0.02, 1000), (0.05, 400), (0.05, 1000))  # ε, images of a validation set


def population(path):
    """Every operating point of the network, on the images of both splits."""
    found = read_exit_logits(path)
    splits = [found.val, found.test]
    entropies = np.concatenate([entropy(split.logits) for split in splits])
    return harm_steps(entropies, np.concatenate([right_answers(split) for split in splits]), 10)


def broken(steps, epsilon, units, rng):
    """How many of the drawn sets choose a θ that harms too many: certified, and by the share."""
    people = steps.right.shape[0]
    risk = harm_counts(steps, np.ones((1, people), np.int64))[0] / people
    counts = np.zeros(2, int)
    for _ in range(0, DRAWS, CHUNK):
        harmed = harm_counts(steps, rng.multinomial(units, np.full(people, 1 / people), size=CHUNK))
        limits = critical_count(units, epsilon, DELTA), int(epsilon * units)
        counts += [int((risk[certified_index(harmed, n)] > epsilon).sum()) for n in limits]
    return counts


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exit_logits", type=Path, nargs="+")
    print("| network | ε | images | violations | of | a chance of δ gives so many with p | bare |")
    print("|---|---|---|---|---|---|---|")
    for path in parser.parse_args(arguments).exit_logits:
        steps = population(path)
        for epsilon, units in PROMISES:
            certified, bare = broken(steps, epsilon, units, np.random.default_rng(7))
            by_chance = binom.sf(certified - 1, DRAWS, DELTA)
            name = "/".join(path.parts[-3:-1])
            print(
                f"| {name} | {epsilon:.0%} | {units} | {certified} | {DRAWS} | {by_chance:.2g} "
                f"| {bare} |"
            )


if __name__ == "__main__":
    main()
