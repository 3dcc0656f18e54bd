"""Mutation check: breaks the code in small ways and sees whether the quick tests notice.

Run it from anywhere: ``python tests/mutation/run.py``, with a part of a
file's name to try that file's mutations alone, or with ``--every 3`` for every third of all, as
``make mutation`` does; ``make campaign`` tries them all. Each runs in a temporary copy.
Exits with 1 if a mutation survives or its old text no longer stands in the file.
"""

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutants import MUTANTS, TESTS

REPOSITORY = Path(__file__).parents[2]
PARTS = ("erde_core", "erde_torch", "erde", "tests", "pyproject.toml")
WORKERS = 2
# What pytest answers: 1 means that a test failed, everything but 0 and 1 that it did not run.
PASSED, FAILED = 0, 1


def main(part: str, every: int) -> int:
    """Try each ``every``-th mutation of the files named like ``part``; the number that survive."""
    jobs = [
        (name, old, new) for name, pairs in MUTANTS.items() if part in name for old, new in pairs
    ][::every]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
        copies = queue.Queue()
        for worker in range(WORKERS):
            copies.put(copy_packages(Path(folder, str(worker))))
        checks = sorted({TESTS[name] for name, *_ in jobs})
        for tests, code in zip(checks, pool.map(lambda t: quick(copies, t), checks), strict=True):
            if code != PASSED:
                sys.exit(f"{' '.join(tests)} must pass before anything is broken, got exit {code}")
        verdicts = list(pool.map(lambda job: attempt(copies, *job), jobs))
    survivors = sum(verdict != "killed" for verdict in verdicts)
    print(f"{len(jobs)} mutations, {len(jobs) - survivors} killed, {survivors} not")
    return survivors


def copy_packages(target: Path) -> Path:
    target.mkdir()
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / part)
    return target


def quick(copies: queue.Queue, tests: tuple[str, ...]) -> int:
    """Pytest's exit code for ``tests`` in a free copy."""
    copy = copies.get()
    try:
        return run_tests(copy, tests)
    finally:
        copies.put(copy)


def attempt(copies: queue.Queue, name: str, old: str, new: str) -> str:
    """``killed``, or what went wrong, for one mutation in a free copy; prints one line."""
    copy = copies.get()
    path = copy / name
    source = path.read_text(encoding="utf-8")
    try:
        verdict = f"old text occurs {source.count(old)} times"
        if source.count(old) == 1:
            path.write_text(source.replace(old, new), encoding="utf-8")
            code = run_tests(copy, TESTS[name])
            verdict = {PASSED: "SURVIVED", FAILED: "killed"}.get(code, f"pytest exit {code}")
    finally:
        path.write_text(source, encoding="utf-8")
        copies.put(copy)
    print(f"{verdict:10} {name}: {old.strip()!r} -> {new.strip()!r}", flush=True)
    return verdict


def run_tests(copy: Path, tests: tuple[str, ...]) -> int:
    # The copy's packages, not the installed ones; no bytecode, which would hide a quick edit.
    env = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=copy, env=env, capture_output=True).returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="?", default="", help="of a file's name")
    parser.add_argument("--every", type=int, default=1, help="try each N-th mutation alone")
    asked = parser.parse_args()
    sys.exit(1 if main(asked.part, asked.every) else 0)
