"""Damages files of one kind, thousands of times: python -m tests.fuzz.campaign KIND --cases N.

KIND names the module ``tests/fuzz/test_KIND.py``. Its ``campaign(folder, cases, seed)`` makes so
many cases, raises on the first that is neither refused in a sentence nor harmless, and returns how
many there were of each outcome. The module's own test runs it with a fixed seed and few cases.
"""

import argparse
import importlib
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent


def kinds():
    """Every kind that has a campaign."""
    names = sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py"))
    return [name for name in names if "\ndef campaign(" in _source(name)]


def run(kind, cases, seed):
    """The outcomes of ``cases`` cases, counted."""
    module = importlib.import_module(f"tests.fuzz.test_{kind}")
    with tempfile.TemporaryDirectory() as folder:
        return module.campaign(Path(folder), cases, seed)


def _source(name):
    return (HERE / f"test_{name}.py").read_text(encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=[*kinds(), "all"])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    asked = parser.parse_args()
    for kind in kinds() if asked.kind == "all" else [asked.kind]:
        print(f"{kind}: {asked.cases} cases, seed {asked.seed}", flush=True)
        counts = run(kind, asked.cases, asked.seed)
        print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
