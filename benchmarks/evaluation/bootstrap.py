"""What the intervals of a report cost: 1,000 resamples of 12 networks' exact curves.

    python -m benchmarks.evaluation.bootstrap [--samples 10000]

Four variants with three seeds, 100 classes, entropies that are almost all distinct, so that every
curve has about 2 N points. Prints seconds per run, three runs, the first of which compiles.
"""

import argparse
import time

import numpy as np

from erde.evaluation.differences.resample import RESAMPLES, resample_variants
from erde_core.store.exit_logits import ExitLogits, SplitLogits

EXITS, CLASSES = 4, 100
MACS = np.arange(1, EXITS + 1) * 10**7


def network(samples: int, seed: int) -> ExitLogits:
    """Random logits that grow from exit to exit and know something of the label."""
    random = np.random.default_rng(seed)
    logits = random.standard_normal((samples, EXITS, CLASSES), dtype=np.float32)
    logits *= np.arange(1, EXITS + 1, dtype=np.float32)[:, None]
    labels = np.random.default_rng(0).integers(CLASSES, size=samples)
    logits[np.arange(samples), :, labels] += 3
    split = SplitLogits(logits, labels, np.arange(samples))
    return ExitLogits(split, split, MACS, "random", str(seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    samples = parser.parse_args().samples
    variants = ("ce", "kd", "masked_kd", "erde")
    students = {
        (variant, seed): network(samples, 10 * v + seed)
        for v, variant in enumerate(variants)
        for seed in range(3)
    }
    for _ in range(3):
        started = time.perf_counter()
        resample_variants(students)
        seconds = time.perf_counter() - started
        print(f"{RESAMPLES} resamples × {len(students)} networks × {samples}: {seconds:.1f} s")


if __name__ == "__main__":
    main()
