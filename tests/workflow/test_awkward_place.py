"""Clones and environments in places that people really have."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.workflow.conftest import TINY, copy_repository

SAID = "as this clone says it"


def test_a_clone_with_a_space_in_its_path_and_its_environment_inside(tmp_path):
    root = tmp_path / "my clone"
    root.mkdir()
    checkout = copy_repository(root)
    checkout.write_experiment("tiny", TINY)
    venv.create(root / ".venv", with_pip=False)
    packages = next(root.glob(".venv/lib/python*/site-packages"))
    ours = [p for p in sys.path if p.endswith("site-packages")] + [sysconfig.get_path("purelib")]
    (packages / "beside.pth").write_text("\n".join([str(root), *dict.fromkeys(ours)]), "utf-8")
    target = "results/tiny/data.h5"
    done = subprocess.run(
        [root / ".venv/bin/python", "-m", "snakemake", "--cores", "1", target],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (root / target).exists()


@pytest.mark.parametrize("command", ["-m snakemake", "console script"])
def test_plan_and_jobs_run_the_code_beside_the_snakefile(checkout, command):
    """Its hash is noted with the results; other code under it would be silently wrong."""
    checkout.write_experiment("tiny", TINY)
    for file in ("erde/running/job.py", "erde/running/code_hash.py"):
        path = checkout.root / file
        path.write_text(f"{path.read_text()}\nprint({SAID!r}, __name__)\n", encoding="utf-8")
    script = Path(sys.executable).with_name("snakemake")
    start = [sys.executable, "-m", "snakemake"] if command == "-m snakemake" else [script]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    arguments = ["--cores", "1", "results/tiny/data.h5"]
    done = subprocess.run(
        [*start, *arguments], cwd=checkout.root, env=env, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert f"{SAID} erde.running.code_hash" in said
    assert f"{SAID} erde.running.job" in said
