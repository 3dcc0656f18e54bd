"""What is written to stays what it is: file, device, pipe or link."""

import os
import stat
import subprocess
import sys
import threading

import pytest

from erde.deployment.output import text_output


def put(path, text="new\n"):
    with text_output(path) as stream:
        stream.write(text)


def test_a_new_file_has_the_mode_that_the_umask_asks_for(tmp_path):
    before = os.umask(0o027)
    try:
        put(tmp_path / "a.csv")
    finally:
        os.umask(before)
    assert (tmp_path / "a.csv").read_text() == "new\n"
    assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == 0o640


def test_a_file_is_whole_or_as_it_was_and_keeps_its_mode(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old\n")
    path.chmod(0o600)

    def interrupted():
        with text_output(path) as stream:
            stream.write("half")
            stream.flush()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.csv"]
    put(path)
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    for target in ("there/old.csv", "there/new.csv"):
        link = tmp_path / "link.csv"
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        put(link)
        assert link.is_symlink()
        assert (tmp_path / target).read_text() == "new\n"


def test_a_pipe_is_written(tmp_path):
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()), daemon=True)
    reader.start()
    put(pipe)
    reader.join(10)
    assert found == ["new\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_is_written(tmp_path):
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        put(device)
    except PermissionError:
        pytest.skip("making a device needs root")
    assert stat.S_ISCHR(device.lstat().st_mode)


def test_dev_stdout_is_what_the_shell_opened(tmp_path):
    code = "from pathlib import Path; from erde.deployment.output import text_output as t\n\
with t(Path('/dev/stdout')) as stream: stream.write('new\\n')"
    with open(tmp_path / "a.csv", "w") as file:
        number = os.fstat(file.fileno()).st_ino
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    assert (tmp_path / "a.csv").read_text() == "new\n"
    assert (tmp_path / "a.csv").stat().st_ino == number


def test_no_folder_is_made(tmp_path):
    with pytest.raises(ValueError, match=r"--output must lie in a folder that exists, got "):
        put(tmp_path / "missing" / "a.csv")
    with pytest.raises(ValueError, match="--output must be a file, got the folder"):
        put(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_odd_bytes_of_a_file_name_are_escaped(tmp_path):
    put(tmp_path / "a.csv", os.fsdecode(b"caf\xe9") + " ü")
    assert (tmp_path / "a.csv").read_text() == "caf\\udce9 ü"
