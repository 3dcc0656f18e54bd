import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from erde_torch.lock import folder_lock

HOLDS = """
import sys, time
from pathlib import Path
from erde_torch.lock import folder_lock
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
