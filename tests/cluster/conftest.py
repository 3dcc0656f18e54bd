"""One Slurm for all tests of this folder, and runs that go through it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.cluster.slurm_node import SlurmNode, missing
from tests.workflow.conftest import copy_repository

PATIENCE = 1800  # seconds; the machine may be busy with other things
PROFILE = ("--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "2")
# The plugin looks again after 10 s, 20 s, … up to 180 s: of such a wait nothing is learnt here.
EVERY_SECOND = """
import asyncio
from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

async def a_second(executor):
    await asyncio.sleep(1)

assert hasattr(RemoteExecutor, "sleep")
RemoteExecutor.sleep = a_second
main()
"""
# What the profile has, with shorter limits: given once more, for one value replaces all.
RESOURCES = {"slurm_partition": "main", "runtime": "20", "mem_mb": "1000", "nodes": "1"}


class ClusterRun:
    """A Snakemake that sends its jobs to the node, running beside the test."""

    def __init__(self, checkout, node, *arguments, **resources):
        default = [f"{key}={value}" for key, value in (RESOURCES | resources).items()]
        command = [sys.executable, "-c", EVERY_SECOND, *PROFILE, *arguments]
        command += ["--default-resources", *default]
        env = os.environ | node.environment | {"PYTHONPATH": str(checkout.root)}
        self.output = Path(tempfile.mkstemp(dir=checkout.root, suffix=".out")[1])
        with open(self.output, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                command, cwd=checkout.root, env=env, stdout=file, stderr=subprocess.STDOUT
            )

    def said(self):
        """All that it has printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait(self, check=True):
        """What it printed, once it has ended."""
        code = self.process.wait(timeout=PATIENCE)
        assert not check or code == 0, self.said()
        assert check or code != 0, self.said()
        return self.said()


def wait_until(happened, run):
    """Wait for something while ``run`` goes on."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert run.process.poll() is None, run.said()
        assert time.monotonic() < deadline, run.said()
        time.sleep(0.1)


@pytest.fixture(scope="session")
def the_node():
    reason = missing()
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="slurm", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        node = SlurmNode(folder)
        try:
            node.start()
            yield node
        finally:
            node.stop()


@pytest.fixture
def node(the_node):
    """The node without jobs."""
    yield the_node
    the_node.clear()


@pytest.fixture
def cluster_run(node):
    """Starts runs, and leaves none behind."""
    started = []

    def start(checkout, *arguments, **resources):
        started.append(ClusterRun(checkout, node, *arguments, **resources))
        return started[-1]

    yield start
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


@pytest.fixture
def checkout(tmp_path):
    """A fresh copy of the repository."""
    return copy_repository(tmp_path)


def slow_down(checkout, seconds):
    """Let every step of a training take ``seconds`` more; its numbers stay the same."""
    path = checkout.root / "erde_torch/training/loop.py"
    text = path.read_text(encoding="utf-8")
    step = "        position.step += 1\n"
    assert step in text
    path.write_text(text.replace(step, f"{step}        time.sleep({seconds})\n"), encoding="utf-8")


def steps_done(folder):
    """(epoch, step) of the checkpoint in ``folder``; (0, 0) if there is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / "checkpoint.safetensors", "pt") as file:
            position = json.loads(file.metadata()["position"])
    except (OSError, SafetensorError):
        return 0, 0
    return position["epoch"], position["step"]
