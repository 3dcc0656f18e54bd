"""A copy of the repository in which Snakemake really runs, as a user would start it."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
PARTS = ("Snakefile", "workflow", "profiles", "erde_core", "erde_torch", "erde")

# Small enough to train in seconds, large enough that every rule does real work.
# One thread: what it computes is then the same on every machine, and on a cluster.
TINY = {
    "dataset": {"name": "digits", "train_images": 200, "canvas": 16},
    "augment": {"pad": 1, "flip": False},
    "teacher": {
        "network": {"name": "resnet18", "width": 0.0625},
        "train": {"epochs": 2, "batch_size": 50, "precision": "float32", "threads": 1},
    },
    "student": {
        "network": {"name": "resnet10", "width": 0.0625},
        "train": {"epochs": 2, "batch_size": 50, "precision": "float32", "threads": 1},
    },
    "seeds": [0],
    "variants": {"ce": {"method": "ce"}, "kd": {"method": "kd"}, "erde": {"method": "erde"}},
    "device": "cpu",
}


@dataclass
class Checkout:
    """A copy of the repository's code, in which one may edit and run."""

    root: Path

    def write_experiment(self, name, keys):
        path = self.root / f"workflow/experiments/{name}.yaml"
        path.write_text(yaml.safe_dump(keys), encoding="utf-8")

    def snakemake(self, *arguments, check=True):
        # The copy's packages, not the installed ones: an edit there must be seen.
        env = os.environ | {"PYTHONPATH": str(self.root)}
        command = [sys.executable, "-m", "snakemake", *arguments]
        done = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True)
        if check and done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        return done

    def plan(self, *targets):
        """{rule: number of jobs} that Snakemake would run."""
        shown = self.snakemake("--dry-run", *targets)
        table = re.search(r"^job +count\n[-\s]+\n(.*?)^total", shown.stdout, re.M | re.S)
        if not table:
            assert "Nothing to be done" in shown.stdout + shown.stderr
            return {}
        rows = (line.split() for line in table[1].splitlines())
        return {rule: int(count) for rule, count in rows}


def copy_repository(folder):
    ignore = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=ignore)
        else:
            shutil.copy(source, folder / part)
    return Checkout(folder)


@pytest.fixture
def checkout(tmp_path):
    """A fresh copy without results."""
    return copy_repository(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A copy in which the experiment ``tiny`` has been run; restore what you edit."""
    checkout = copy_repository(tmp_path_factory.mktemp("finished"))
    checkout.write_experiment("tiny", TINY)
    checkout.snakemake("--cores", "2", "results/tiny_pareto.png")
    return checkout
