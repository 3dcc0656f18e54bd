import errno
import os
import signal
import subprocess
import sys

import pytest

from erde_core.store.files import whole_file, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_whole_file_appears_under_its_name_alone(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with whole_file(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        assert temporary.parent == path.parent  # else the rename would not be atomic
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "half"
    assert names(path.parent) == ["file.txt"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_failure_keeps_the_old_file_and_leaves_nothing(tmp_path, failure):
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail_halfway():
        with whole_file(path) as temporary:
            temporary.write_text("new", encoding="utf-8")
            raise failure

    with pytest.raises(failure):
        fail_halfway()
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["file.txt"]


def test_leftovers_of_dead_processes_are_removed(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for process in (dead.pid, os.getppid()):
        (tmp_path / f".file[1].txt.{process}.tmp").touch()
    (tmp_path / f".other.txt.{dead.pid}.tmp").touch()
    write_text(tmp_path / "file[1].txt", "new")
    alive = f".file[1].txt.{os.getppid()}.tmp"
    assert names(tmp_path) == sorted([alive, f".other.txt.{dead.pid}.tmp", "file[1].txt"])


def test_full_disk_keeps_the_old_file_and_leaves_nothing(small_disk):
    folder = small_disk(size=64 * 1024)
    write_text(folder / "file.txt", "old")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        write_text(folder / "file.txt", "new" * 100_000)
    assert (folder / "file.txt").read_text(encoding="utf-8") == "old"
    assert names(folder) == ["file.txt"]


def test_read_only_folder_is_an_error(small_disk):
    with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
        write_text(small_disk(ro=True) / "file.txt", "new")


WRITES_FOR_EVER = """
import sys
from erde_core.store.files import write_text
for count in range(10**9):
    write_text(sys.argv[1], f"{count}\\n" * 200_000)
    print(count, flush=True)
"""


def test_readers_see_whole_files_alone_even_after_sigkill(tmp_path):
    path = tmp_path / "file.txt"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES_FOR_EVER, str(path)], stdout=subprocess.PIPE
    )
    process.stdout.readline()
    seen = [path.read_bytes() for _ in range(100)]
    while not list(tmp_path.glob(".*.tmp")):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    for content in {*seen, path.read_bytes()}:
        lines = content.split()
        assert len(lines) == 200_000
        assert len(set(lines)) == 1


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o000])
def test_the_umask_gives_the_mode(tmp_path, umask):
    """Also where the writer makes a file of its own that nobody else may read."""
    before = os.umask(umask)
    try:
        with whole_file(tmp_path / "file") as temporary:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_writer_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "file"):
        pass
    assert names(tmp_path) == []
