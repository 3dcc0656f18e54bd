"""The tables of docs/performance.md from one benchmark run.

python -m pytest benchmarks --benchmark-enable --benchmark-only --benchmark-json run.json
python benchmarks/table.py run.json
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("numpy", "numba", "torch")
CONTENDERS = ("1,000 thresholds by simulate", "NumPy reference", "compiled twin")
SCORES = "sweep by "  # and its name: the groups that share one table


def main(path: str) -> None:
    run = json.loads(Path(path).read_text())
    print(machine(run), end="\n\n")
    groups = {}
    for benchmark in run["benchmarks"]:
        groups.setdefault(benchmark["group"], []).append(benchmark)
    by_score = {name: groups.pop(name) for name in list(groups) if name.startswith(SCORES)}
    for group, benchmarks in groups.items():
        print(table(group, benchmarks), end="\n\n")
    if by_score:
        print(table_of_scores(by_score))


def table_of_scores(groups):
    """Markdown: one row per score, shortest time (and median) of each contender, their ratios."""
    simulation, reference, twin = CONTENDERS
    head = f"| score | {' ms | '.join(CONTENDERS)} ms | simulate ÷ twin | simulate ÷ reference |"
    lines = ["`sweep` by each score", "", head, "|---|---|---|---|---|---|"]
    for group, benchmarks in groups.items():
        stats = {b["extra_info"]["contender"]: b["stats"] for b in benchmarks}
        times = [
            f"{1e3 * stats[c]['min']:.4g} ({1e3 * stats[c]['median']:.4g})" for c in CONTENDERS
        ]
        least = {c: stats[c]["min"] for c in CONTENDERS}
        ratios = [f"{least[simulation] / least[c]:.0f}" for c in (twin, reference)]
        lines.append("| " + " | ".join([group.removeprefix(SCORES), *times, *ratios]) + " |")
    return "\n".join(lines)


def machine(run):
    """One line: processor, cores, versions, date."""
    cpu = run["machine_info"]["cpu"]
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    python = run["machine_info"]["python_version"]
    date = run["datetime"][:10]
    return f"{cpu['brand_raw']}, {cpu['count']} cores; Python {python}, {versions}; {date}."


def table(group, benchmarks):
    """Markdown: one row per contender, quickest first, in multiples of the twin's time.

    The ratio is that of the shortest times: whatever else runs on the machine only adds to a time.
    """
    (twin,) = (b["stats"]["min"] for b in benchmarks if b["extra_info"]["twin"])
    head = "| contender | threads | min ms | median ms | quartile range ms | n | min ÷ twin |"
    lines = [f"`{group}`", "", head, "|---|---|---|---|---|---|---|"]
    for benchmark in sorted(benchmarks, key=lambda b: b["stats"]["min"]):
        stats, info = benchmark["stats"], benchmark["extra_info"]
        times = " | ".join(f"{1e3 * stats[key]:,.4g}" for key in ("min", "median", "iqr"))
        ratio = f"{stats['min'] / twin:.2f}"
        row = [info["contender"], info["threads"], times, stats["rounds"], ratio]
        lines.append("| " + " | ".join(map(str, row)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1])
