"""A terminal that is closed while trainings run, and code around them that changes meanwhile."""

import copy
import fcntl
import os
import pty
import subprocess
import sys
import termios
import time

import pytest

from tests.faults.test_kills import content
from tests.workflow.conftest import TINY, add_statements, copy_repository, what_trains_nothing

TARGET = "results/hung/teacher/weights.safetensors"
LOG, FOLDER = "results/hung/logs/teacher.log", "results/hung/checkpoints/teacher"
EPOCHS = 50


@pytest.fixture(scope="module")
def keys():
    """Long enough for a terminal to be closed in its middle."""
    changed = copy.deepcopy(TINY)
    changed["dataset"]["train_images"] = 400
    changed["teacher"]["train"]["epochs"] = EPOCHS
    return changed


@pytest.fixture(scope="module")
def quiet(tmp_path_factory, keys):
    """The content of the weights when nothing happens."""
    checkout = copy_repository(tmp_path_factory.mktemp("quiet"))
    checkout.write_experiment("hung", keys)
    checkout.snakemake("--cores", "1", TARGET)
    return content(checkout.root / TARGET)


class Terminal:
    """A terminal of its own, in which Snakemake runs under a shell until it is closed."""

    def __init__(self, checkout):
        self._screen, keyboard = pty.openpty()
        command = f"{sys.executable} -m snakemake --cores 1 {TARGET}; true"
        self.shell = subprocess.Popen(
            ["bash", "-c", command],
            cwd=checkout.root,
            env=os.environ | {"PYTHONPATH": str(checkout.root)},
            stdin=keyboard,
            stdout=keyboard,
            stderr=keyboard,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(keyboard)

    def close(self):
        os.close(self._screen)  # the kernel tells the shell, and all that runs in it


def logged(checkout):
    path = checkout.root / LOG
    return path.read_text(encoding="utf-8") if path.exists() else ""


def wait_until(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def processes(session):
    found = subprocess.run(["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True)
    return found.stdout.split()


def test_a_closed_terminal_loses_nothing(tmp_path, keys, quiet):
    """And the training goes on although all that runs it or shows it was edited meanwhile."""
    checkout = copy_repository(tmp_path)
    checkout.write_experiment("hung", keys)
    terminal = Terminal(checkout)
    wait_until(lambda: "epoch 2/" in logged(checkout))
    terminal.close()
    terminal.shell.wait(timeout=60)
    wait_until(lambda: not processes(terminal.shell.pid), 60)
    assert "stopped by SIGHUP; the checkpoint is saved" in logged(checkout)
    assert not list((checkout.root / ".snakemake/locks").glob("*"))
    add_statements(what_trains_nothing(checkout))
    checkout.snakemake("--cores", "1", TARGET)
    assert "resuming in epoch" in logged(checkout)
    assert content(checkout.root / TARGET) == quiet
