import sys

import pytest

from erde.running.interpreter import speakable_interpreter


@pytest.fixture
def interpreter(monkeypatch):
    def run(path, here):
        monkeypatch.chdir(here)
        monkeypatch.setattr(sys, "executable", str(path))
        speakable_interpreter()
        return sys.executable

    return run


def test_a_plain_path_stays(interpreter, tmp_path):
    assert interpreter("/usr/bin/python3", tmp_path) == "/usr/bin/python3"


def test_letters_of_other_scripts_are_letters(interpreter, tmp_path):
    assert interpreter("/home/jürgen/env/bin/python", tmp_path) == "/home/jürgen/env/bin/python"


def test_below_a_folder_with_a_space_the_path_from_there_is_used(interpreter, tmp_path):
    clone = tmp_path / "my clone"
    clone.mkdir()
    assert interpreter(clone / ".venv/bin/python", clone) == ".venv/bin/python"


def test_a_space_that_no_path_avoids_is_one_sentence(interpreter, tmp_path):
    with pytest.raises(ValueError, match=r"must have no space .* got '/my venv/bin/python'"):
        interpreter("/my venv/bin/python", tmp_path)
