"""What a run that ended early has not made is known, whatever it left behind."""

import os
import time

from erde.running.stopped import list_outputs, take_off, unmade_outputs


def test_missing_files_and_folders_that_are_older_than_the_run(tmp_path):
    lists, names = tmp_path / "lists", ("there.csv", "gone.csv", "deploy/old", "deploy/new", "gone")
    there, gone, old, new, missing = (tmp_path / name for name in names)
    there.touch()
    for folder in (old, new):
        (folder / "inside").mkdir(parents=True)
        (folder / "inside/manifest.json").touch()
        (folder / "notes.txt").touch()
    for file in (there, old / "notes.txt", old / "inside/manifest.json", new / "notes.txt"):
        os.utime(file, (1, 1))
    list_outputs(lists, map(str, (there, gone, old, new, missing)))
    later = time.time() + 1
    os.utime(new / "inside/manifest.json", (later, later))
    assert unmade_outputs(lists) == sorted(map(str, (gone, old, missing)))
    take_off(lists, map(str, (gone, old, missing)))  # as a run does that has made them
    assert unmade_outputs(lists) == []


def test_what_a_run_has_made_is_taken_off_all_lists_and_nothing_else(tmp_path):
    lists, (a, b) = tmp_path / "lists", (str(tmp_path / name) for name in "ab")
    list_outputs(lists, [a])
    list_outputs(lists, [a, b])
    (tmp_path / "b").touch()  # old, and being made anew by a run that goes on
    take_off(lists, [a])
    assert unmade_outputs(lists) == []
    (path,) = lists.iterdir()
    (tmp_path / "b").unlink()
    assert unmade_outputs(lists) == [b]
    path.write_text("[", encoding="utf-8")
    assert unmade_outputs(lists) == []
    take_off(lists, [])
    assert not list(lists.iterdir())
    assert unmade_outputs(tmp_path / "none") == []
