import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from erde_core.store.files import (
    content_hash,
    get_text,
    new_stamped,
    open_stamped,
    set_text,
    whole_file,
    write_text,
)


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


@pytest.mark.parametrize("text", ["", "plain", "naïve 猫 \n", "x" * 70_000])
def test_texts_in_hdf5(tmp_path, text):
    with new_stamped(tmp_path / "file.h5", "test") as file:
        set_text(file, "note", text)
    with open_stamped(tmp_path / "file.h5", "test") as file:
        assert get_text(file, "note") == text


def test_content_hash_is_of_values_and_not_of_memory():
    array = np.arange(12, dtype=np.int64).reshape(3, 4)
    assert content_hash(array) == content_hash(np.asfortranarray(array))
    assert content_hash(array) == content_hash(array.repeat(2, axis=1)[:, ::2])
    others = [
        (array.astype(np.int32),),
        (array.reshape(4, 3),),
        (array[::-1],),
        (array, array),
        (array[:2], array[2:]),
        (),
    ]
    hashes = {content_hash(*arrays) for arrays in others}
    assert len(hashes) == len(others)
    assert content_hash(array) not in hashes


def test_content_hash_is_sha256_of_dtype_shape_and_bytes():
    import hashlib

    wanted = hashlib.sha256(b"<i8(2,)" + np.array([1, 2], "<i8").tobytes()).hexdigest()
    assert content_hash(np.array([1, 2], "<i8")) == wanted
