"""What ``policies.csv`` costs: every exit policy of 12 networks, held against the default.

    python -m benchmarks.evaluation.policies [--images 10000] [--variants 4] [--seeds 3]

100 classes, four exits, scores that are almost all distinct; half as many validation images as test
images, as CIFAR has. Prints seconds of the clock, of this process's own time, and the machine's
load.
"""

import argparse
import os
import time

import numpy as np

from erde.evaluation.policies.table import policy_tables
from erde_core.store.exit_logits import ExitLogits, SplitLogits

EXITS, CLASSES = 4, 100
MACS = np.arange(1, EXITS + 1) * 10**7
TEACHER_MACS = 18 * 10**7  # ResNet10 at full width costs 0.22 of ResNet34


def split(images: int, seed: int, of_labels: int) -> SplitLogits:
    """Random logits that grow from exit to exit and know more and more of the label."""
    random = np.random.default_rng(seed)
    logits = random.standard_normal((images, EXITS, CLASSES), dtype=np.float32)
    logits *= np.arange(1, EXITS + 1, dtype=np.float32)[:, None]
    labels = np.random.default_rng(of_labels).integers(CLASSES, size=images)
    logits[np.arange(images), :, labels] += np.arange(2, EXITS + 2) ** 1.6
    return SplitLogits(logits, labels, np.arange(images))


def network(images: int, seed: int) -> ExitLogits:
    """One trained network, as it were."""
    val, test = split(images // 2, 2 * seed, 0), split(images, 2 * seed + 1, 1)
    return ExitLogits(val, test, MACS, "random", str(seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for option, default in (("images", 10_000), ("variants", 4), ("seeds", 3)):
        parser.add_argument(f"--{option}", type=int, default=default)
    options = parser.parse_args()
    teacher = network(100, 0)
    teacher = ExitLogits(teacher.val, teacher.test, np.array([TEACHER_MACS]), "random", "teacher")
    students = {
        (f"variant{v}", seed): network(options.images, 1 + options.seeds * v + seed)
        for v in range(options.variants)
        for seed in range(options.seeds)
    }
    clock, own = time.perf_counter(), time.process_time()
    rows, overall = policy_tables(teacher, students)
    clock, own = time.perf_counter() - clock, time.process_time() - own
    what = f"{len(students)} networks × {CLASSES} classes × {options.images} images"
    print(f"{what}: {clock:.1f} s, of which this process computed {own:.1f} s")
    print(f"load {os.getloadavg()[0]:.1f}; {len(rows)} and {len(overall)} rows")


if __name__ == "__main__":
    main()
