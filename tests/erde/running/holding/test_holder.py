import os
import subprocess
import sys
import time

import pytest

from erde.running.holding import holder
from erde.running.holding.holder import Holder


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def of(process, **fields):
    me = Holder.this_process()
    started = holder._started(process.pid)
    return Holder(**(vars(me) | {"process": process.pid, "started": started} | fields))


def test_the_living_is_not_dead():
    assert not Holder.this_process().is_dead()


def test_it_says_who_and_which_job(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "55")
    me = Holder.this_process()
    assert str(me) == f"process {os.getpid()} on {os.uname().nodename} (Slurm job 55)"
    monkeypatch.delenv("SLURM_JOB_ID")
    assert "Slurm" not in str(Holder.this_process())


def test_the_killed_is_dead_even_before_its_parent_collects_it(sleeper):
    found = of(sleeper)
    assert not found.is_dead()
    sleeper.kill()
    deadline = time.monotonic() + 30
    while not found.is_dead():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_number_that_is_used_again_is_another_process(sleeper):
    assert of(sleeper, started="1").is_dead()


def test_nobody_on_another_machine_is_called_dead(sleeper):
    assert not of(sleeper, place="another boot", started="1").is_dead()


def test_json_and_back():
    me = Holder.this_process()
    assert Holder.from_json(me.to_json()) == me
    for broken in ("", "{", "[]", "3", '{"process": 1}', me.to_json()[:-4]):
        assert Holder.from_json(broken) is None


def test_a_name_with_brackets_does_not_confuse_it(tmp_path):
    """The kernel's line has the program's name, unescaped, before the numbers."""
    program = tmp_path / "odd) Z 1 (name"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "600"]) as process:
        assert not of(process).is_dead()
        process.kill()
