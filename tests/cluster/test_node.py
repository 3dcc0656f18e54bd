"""The pretended cluster itself leaves nothing behind."""

import tempfile
import time
from pathlib import Path

import pytest

from tests.cluster.slurm_node import SlurmNode, missing


def test_what_a_job_detached_ends_with_the_node():
    """As the step of a node that went down does: Slurm has forgotten it."""
    if missing():
        pytest.skip(missing())
    with tempfile.TemporaryDirectory(prefix="slurm", dir="/tmp") as name:
        node = SlurmNode(Path(name))
        try:
            node.start()
            detached = "--wrap=setsid sleep 3600 & sleep 1"
            node.command("sbatch", "--mem=100", "--output=/dev/null", detached)
            deadline = time.monotonic() + 60
            while not [pid for pid in node.processes() if _command(pid).startswith("sleep 3600")]:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        finally:
            node.stop()
        assert node.processes() == []
        assert list(Path().glob("slurm-*")) == []  # nothing of it stays in the repository


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " ")
    except OSError:
        return ""
