"""Which code a clone runs: its own, whatever clone the environment was made for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import TINY

SAID = "as this clone says it"


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
