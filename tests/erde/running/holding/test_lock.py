import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from erde.running.holding import lease
from erde.running.holding.holder import Holder
from erde.running.holding.lock import check_held, folder_lock

HOLDS = """
import errno, fcntl, sys, time
from pathlib import Path
from erde.running.holding.lock import folder_lock
def no_locks(*_):
    raise OSError(errno.ENOSYS, "Function not implemented")
if "no-locks" in sys.argv:
    fcntl.flock = no_locks
with folder_lock(Path(sys.argv[1]), print):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "folder")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def wait_for(said):
    deadline = time.monotonic() + 30
    while not said:
        assert time.monotonic() < deadline, "nothing was said"
        time.sleep(0.01)


def test_a_second_process_waits_says_so_and_goes_on(tmp_path, holder, said):
    entered, leave = threading.Event(), threading.Event()

    def second():
        with folder_lock(tmp_path / "folder", said.append):
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=second, daemon=True)
    thread.start()
    wait_for(said)
    assert "waiting: " in said[0]
    assert f"process {holder.pid} on " in said[0]
    assert not entered.wait(0.2)
    holder.send_signal(signal.SIGKILL)  # the kernel drops the lock of the dead
    assert entered.wait(60)
    assert f"process {os.getpid()} on " in (tmp_path / "folder" / "lock").read_text()
    leave.set()
    thread.join()
    assert len(said) == 1


def test_free_folder_is_taken_in_silence_again_and_again(tmp_path, said):
    for _ in range(2):
        with folder_lock(tmp_path / "new" / "folder", said.append):
            pass
    assert said == []


def test_an_error_inside_frees_the_folder(tmp_path, said):
    with pytest.raises(KeyError), folder_lock(tmp_path, said.append):
        raise KeyError
    with folder_lock(tmp_path, said.append):
        pass
    assert said == []


def test_leftovers_of_killed_writes_are_removed(tmp_path, said):
    (tmp_path / ".checkpoint.safetensors.123.tmp").write_bytes(b"half")
    (tmp_path / "checkpoint.safetensors").write_bytes(b"whole")
    with folder_lock(tmp_path, said.append):
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "checkpoint.safetensors",
            "lease.1",
            "lock",
        ]


def test_nothing_is_removed_while_another_holds_it(tmp_path, holder, said):
    half = tmp_path / "folder" / ".checkpoint.safetensors.123.tmp"
    half.write_bytes(b"half")

    def second():
        with folder_lock(tmp_path / "folder", said.append):
            pass

    thread = threading.Thread(target=second, daemon=True)
    thread.start()
    wait_for(said)
    time.sleep(0.05)
    assert half.exists()
    holder.kill()
    thread.join()
    assert not half.exists()


def test_it_is_said_once_when_the_file_lock_goes_before_its_holder(tmp_path, monkeypatch, said):
    """The kernel drops a dying process's lock a moment before it calls the process dead."""
    looks = iter([False, True])
    monkeypatch.setattr(lease, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(Holder, "is_dead", lambda _: next(looks))
    (tmp_path / "lease.1").write_text(" " * 12 + Holder.this_process().to_json())
    take(tmp_path, said)
    assert said == []


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_without_file_locks_the_lease_decides(tmp_path, monkeypatch, said, number):
    """As on a shared file system that knows no flock."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(lease, "POLL_SECONDS", 0.02)
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "folder"), "no-locks"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        thread = threading.Thread(target=lambda: take(tmp_path / "folder", said), daemon=True)
        thread.start()
        wait_for(said)
        assert said == [
            f"waiting: {tmp_path / 'folder'} is in use by process {process.pid} on "
            f"{os.uname().nodename}"
        ]
        process.kill()
    thread.join(60)  # at once, not after the lease: the holder is known to be dead here
    assert not thread.is_alive()


def take(folder, said):
    with folder_lock(folder, said.append):
        pass


def test_other_errors_of_the_lock_are_not_hidden(tmp_path, monkeypatch, said):
    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output"), folder_lock(tmp_path, said.append):
        pass


def test_what_is_not_locked_is_not_checked(tmp_path, said):
    check_held(tmp_path)
    with folder_lock(tmp_path, said.append):
        check_held(tmp_path)


def test_a_holder_that_lost_the_folder_is_told_before_it_writes(tmp_path, said):
    with folder_lock(tmp_path, said.append):
        (tmp_path / "lease.7").write_bytes(b"")  # what a successor leaves
        with pytest.raises(lease.LostLeaseError, match="has taken over; it stops here"):
            check_held(tmp_path)
