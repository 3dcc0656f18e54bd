"""What the threads are worth that ``train.threads: auto`` gives a teacher: its epochs in turns.

    python -m benchmarks.threads [--cores 2]

One epoch with one thread, one with those of ``auto``, and so on: other work on the machine slows
both. Prints images per second, and the ratio of each round.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.training import Bench, measure, row
from erde.running.threads import teacher_threads
from erde_torch.device import set_threads


def with_threads(count: int, run: Callable[[], None]) -> Callable[[], None]:
    """``run``, on so many threads."""

    def counted() -> None:
        set_threads(count)
        run()

    return counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    for name, number in {"rounds": 5, "images": 128, "batch": 64, "workers": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto")
    asked = parser.parse_args()
    counts = {"one thread": 1, "auto": teacher_threads(asked.cores)}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(asked, Path(folder))
        contenders = {
            name: with_threads(count, bench.ours("resnet34", bench.precision, None))
            for name, count in counts.items()
        }
        seconds = measure(contenders, asked.rounds, bench.device)
    print(f"ResNet34, width {asked.width}, batch {bench.batch}, {bench.precision}")
    for name, taken in seconds.items():
        rate = asked.images // bench.batch * bench.batch / statistics.median(taken)
        print(f"{name} ({counts[name]}): {rate:.1f} images/s")
    print(row("auto over one thread", seconds["one thread"], seconds["auto"]))


if __name__ == "__main__":
    main()
