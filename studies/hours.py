"""How long the jobs of a finished experiment took: a table by kind of job, from their benchmarks.

    python -m studies.hours results/cifar100_quick

Seconds of the wall are those of each job's last start: a run that was interrupted took longer.
"""

import argparse
import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from erde_core.errors import ErdeError

# Trainings that are no students; "teacher" holds those of its folds.
_FOLDERS = {"members": "member of a cascade", "rivals": "plain rival", "teacher": "teacher"}
_KINDS = {"data", "teacher", "cache", "verify"}  # files of that name; the others say what they are


def rows(folder: Path) -> list[tuple[str, int, float, float]]:
    """Kind of job, number of jobs, seconds of the wall and seconds of processors, longest first.

    Args:
        folder: an experiment's results.

    Raises:
        ValueError: it holds no benchmarks.
    """
    jobs = list(_jobs(folder / "benchmarks"))
    if not jobs:
        raise ErdeError(f"{folder}: must hold the benchmarks of finished jobs, got none")
    sums: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for kind, wall, processors in jobs:
        sums[kind].append((wall, processors))
    found = [
        (kind, len(times), sum(wall for wall, _ in times), sum(cpu for _, cpu in times))
        for kind, times in sums.items()
    ]
    return sorted(found, key=lambda row: -row[2])


def _jobs(benchmarks: Path) -> Iterator[tuple[str, float, float]]:
    for path in sorted(benchmarks.rglob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                yield _kind(path.relative_to(benchmarks)), float(row["s"]), float(row["cpu_time"])


def _kind(path: Path) -> str:
    name = path.stem
    if name.endswith("exit_logits"):
        return "exit logits"
    if len(path.parts) > 1 and path.parts[0] in _FOLDERS:
        return _FOLDERS[path.parts[0]]
    if name in _KINDS:
        return name
    return "student" if re.fullmatch(r"seed\d+", name) else "all others"


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m studies.hours", description=__doc__)
    parser.add_argument("results", type=Path)
    found = rows(parser.parse_args(arguments).results)
    print("| jobs | | minutes, all together | core-minutes |\n|---|---|---|---|")
    for kind, count, wall, cpu in [*found, _total(found)]:
        print(f"| {kind} | {count} | {wall / 60:.1f} | {cpu / 60:.1f} |")


def _total(found: list[tuple[str, int, float, float]]) -> tuple[str, int, float, float]:
    return "sum", sum(r[1] for r in found), sum(r[2] for r in found), sum(r[3] for r in found)


if __name__ == "__main__":
    main()
