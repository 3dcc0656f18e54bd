"""A copy of the repository in which Snakemake really runs, as a user would start it."""

import contextlib
import fcntl
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
        # For a sitecustomize.py of the copy; its packages are seen anyway (test_awkward_place.py).
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

    def take_data(self, other, name):
        """Have the data set of ``other``'s experiment ``name``, as if it had been made here."""
        (self.root / "results" / name).mkdir(parents=True)
        data = f"results/{name}/data.h5"
        shutil.copy2(other.root / data, self.root / data)
        shutil.copytree(other.root / ".snakemake/metadata", self.root / ".snakemake/metadata")


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


def what_trains_nothing(checkout):
    """All modules of ``erde`` but those that read experiment files and data sets."""
    whole = checkout.root / "erde"
    kept = {whole / "experiment", whole / "datasets"}
    return [path for path in whole.rglob("*.py") if not kept & set(path.parents)]


def add_statements(paths):
    """A statement at the end of each file."""
    for path in paths:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n\nADDED = 1\n")


@contextlib.contextmanager
def put_back(checkout):
    """Results and what Snakemake knows of them are afterwards as they were."""
    folders = [checkout.root / name for name in ("results", ".snakemake")]
    for folder in folders:
        shutil.copytree(folder, folder.with_suffix(".kept"), symlinks=True)
    try:
        yield
    finally:
        for folder in folders:
            shutil.rmtree(folder)
            folder.with_suffix(".kept").rename(folder)


def made_once(factory, name, make):
    """A copy of a checkout that ``make`` changed, once for all processes of the tests.

    Whoever comes first makes it, the others wait; times stay, which Snakemake compares.
    """
    here = factory.getbasetemp()
    together = here.parent if "PYTEST_XDIST_WORKER" in os.environ else here
    original, made = together / f"{name}-original", together / f"{name}-made"
    with open(together / f"{name}-lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(original, ignore_errors=True)
            original.mkdir()
            make(copy_repository(original))
            made.touch()
    mine = factory.mktemp(name)
    shutil.copytree(original, mine, symlinks=True, dirs_exist_ok=True)
    return Checkout(mine)


REPORTED = ("results/tiny_report.html", "results/tiny/deploy/erde-seed0/")


def run_tiny(checkout):
    """From data to picture, report and a deployment, without rivals."""
    checkout.write_experiment("tiny", TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", "no-such-compiler")  # compiling networks to time them takes a minute
        targets = "results/tiny_pareto.png", *REPORTED
        checkout.snakemake("--cores", "2", *targets, "--config", "rivals=False")


def finished_copy(factory):
    """Another one than ``finished``, to change for good."""
    return made_once(factory, "finished", run_tiny)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A copy in which the experiment ``tiny`` has been run; restore what you edit."""
    return finished_copy(tmp_path_factory)
