"""Processes that pretend to sit on different machines, with leases of a second, not minutes."""

import os
import signal
import time
from contextlib import ExitStack, contextmanager

import pytest

from erde.running.holding import lease
from erde.running.holding.holder import Holder
from erde.running.holding.lease import LostLeaseError, take_lease
from tests.erde.running.started import said, started

PROCESS = """
import sys, time
from pathlib import Path
from erde.running.holding import holder
from erde.running.holding import lease
folder, place, seconds, work = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
holder._place = lambda: place
lease.LEASE_SECONDS, lease.BEAT_SECONDS, lease.POLL_SECONDS = seconds, seconds / 8, 0.05
held = lease.take_lease(folder, lambda text: print(text, flush=True))
print("held", flush=True)
if work == "write":          # until it is told that it must not
    while True:
        held.check()
        (folder / "written").write_text(place)
        time.sleep(0.02)
elif work == "hold":
    time.sleep(600)
else:                        # a critical section that notices any other in it
    mark = folder / "inside"
    mark.touch(exist_ok=False)
    time.sleep(float(work))
    mark.unlink()
    held.release()
    print("left", flush=True)
"""


def process(folder, place, seconds=1.0, work="hold"):
    return started(PROCESS, folder, place, seconds, work)


def test_a_renewed_lease_is_waited_for_however_long(tmp_path):
    with process(tmp_path, "one") as first, process(tmp_path, "two") as second:
        words = {said(first), said(second)}
        assert "held" in words
        (waits,) = words - {"held"}
        assert waits.startswith(f"waiting: {tmp_path} is in use by process ")
        time.sleep(4)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["lease.1"]


def test_the_lease_of_a_killed_holder_elsewhere_runs_out(tmp_path):
    with process(tmp_path, "one") as first:
        assert said(first) == "held"
        first.kill()
        with process(tmp_path, "two", 3.0) as second:
            assert "waiting: " in said(second)
            waited = time.monotonic()
            assert said(second) == "held"
            assert time.monotonic() - waited > 2.0
    assert (tmp_path / "lease.2").exists()
    assert not (tmp_path / "lease.1").exists()


def test_the_killed_holder_on_this_machine_is_not_waited_for(tmp_path):
    with process(tmp_path, "one", 600) as first:
        assert said(first) == "held"
        first.kill()
        first.wait()
        with process(tmp_path, "one", 600) as second:
            assert said(second) == "held"


def test_a_released_lease_is_free_at_once(tmp_path):
    for number in (1, 2, 3):
        held = take_lease(tmp_path, print)
        held.check()
        held.release()
        assert [path.name for path in tmp_path.iterdir()] == [f"lease.{number}"]


def test_of_many_waiters_one_at_a_time_takes_over(tmp_path):
    with process(tmp_path, "gone") as first:
        assert said(first) == "held"
        first.kill()
    with all_of(process(tmp_path, f"host {n}", work=0.2) for n in range(5)) as waiters:
        for waiter in waiters:
            output, errors = waiter.communicate(timeout=120)
            assert waiter.returncode == 0, errors  # touch(exist_ok=False) found nobody else
            assert output.endswith("held\nleft\n")
    assert [path.name for path in tmp_path.iterdir()] == ["lease.6"]


@contextmanager
def all_of(managers):
    with ExitStack() as stack:
        yield [stack.enter_context(manager) for manager in managers]


def test_a_suspended_holder_stops_before_it_writes_again(tmp_path):
    written = tmp_path / "written"
    with process(tmp_path, "one", work="write") as first:
        assert said(first) == "held"
        first.send_signal(signal.SIGSTOP)
        with process(tmp_path, "two", work="write") as second:
            assert f"process {first.pid} on {os.uname().nodename}" in said(second)
            assert said(second) == "held"
            while not written.exists() or written.read_text() != "two":
                time.sleep(0.01)
            first.send_signal(signal.SIGCONT)
            _, errors = first.communicate(timeout=60)
            assert first.returncode == 1
            last = errors.strip().splitlines()[-1]
            assert "LostLeaseError" in last
            assert f"did not answer for 1 s, and process {second.pid} on " in last
            assert second.poll() is None
            assert written.read_text() != "one"


def test_a_judgement_that_came_late_takes_nothing(tmp_path):
    """The number was free again, but only because a higher one rules by now."""
    (tmp_path / "lease.3").write_bytes(b"")
    assert lease._create(tmp_path, 2) is None
    assert [path.name for path in tmp_path.iterdir()] == ["lease.3"]


def test_who_comes_second_takes_nothing(tmp_path):
    (tmp_path / "lease.2").write_bytes(b"the first's")
    assert lease._create(tmp_path, 2) is None
    assert (tmp_path / "lease.2").read_bytes() == b"the first's"


def test_a_half_written_lease_is_waited_for_like_any_other(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.3)
    monkeypatch.setattr(lease, "POLL_SECONDS", 0.01)
    (tmp_path / "lease.1").write_bytes(b"")
    heard = []
    began = time.monotonic()
    take_lease(tmp_path, heard.append).release()
    assert time.monotonic() - began > 0.3
    assert heard == [f"waiting: {tmp_path} is in use by another process"]


def test_renewing_never_touches_a_successors_lease(tmp_path):
    held = take_lease(tmp_path, print)
    (tmp_path / "lease.1").unlink()
    (tmp_path / "lease.1").write_text("a successor's")
    (tmp_path / "lease.2").write_text(" " * 12 + Holder.this_process().to_json())
    with pytest.raises(LostLeaseError, match="has taken over"):
        held.check()
    held.release()
    assert (tmp_path / "lease.1").read_text() == "a successor's"
