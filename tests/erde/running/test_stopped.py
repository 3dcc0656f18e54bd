"""What a run that ended early has not made is known, whatever it left behind."""

import os
import time

from erde.running.stopped import forget_made, list_outputs, unmade_outputs


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
    made = list_outputs(lists, map(str, (there, gone, old, new, missing)))
    later = time.time() + 1
    os.utime(new / "inside/manifest.json", (later, later))
    assert unmade_outputs(lists) == sorted(map(str, (gone, old, missing)))
    made.unlink()  # as a run does that has made all
    assert unmade_outputs(lists) == []


def test_lists_that_are_made_go_away_and_others_stay(tmp_path):
    lists = tmp_path / "lists"
    first = list_outputs(lists, [str(tmp_path / "a")])
    second = list_outputs(lists, [str(tmp_path / "b")])
    (tmp_path / "a").touch()
    forget_made(lists)
    assert list(lists.iterdir()) == [second]
    assert unmade_outputs(lists) == [str(tmp_path / "b")]
    second.write_text("[", encoding="utf-8")
    assert unmade_outputs(lists) == []
    assert unmade_outputs(tmp_path / "none") == []
    assert not first.exists()
