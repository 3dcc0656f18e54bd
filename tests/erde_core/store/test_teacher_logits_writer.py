import dataclasses
import json
import random
import re
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from erde_core.store.teacher_logits import CacheIdentity, read_teacher_logits, verify_content
from erde_core.store.teacher_logits_writer import TeacherLogitsWriter

from .conftest import IDENTITY, VIEWS, write_teacher_logits

SHAPE = (2, 5, 2, 3)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "unfinished"


def writer(folder, identity=IDENTITY, shape=SHAPE, say=lambda text: None):
    return TeacherLogitsWriter(folder, shape, VIEWS, identity, say)


def test_resumes_with_the_views_that_are_missing(tmp_path, folder, teacher_views):
    logits, wrong = teacher_views
    first = writer(folder)
    assert first.missing == [0, 1]
    first.write_view(1, logits[1], wrong[1])
    second = writer(folder)
    assert second.missing == [0]
    second.write_view(0, logits[0], wrong[0])
    second.finish(tmp_path / "resumed.h5", np.array([0.25, 0.125]))
    resumed = read_teacher_logits(tmp_path / "resumed.h5")
    np.testing.assert_array_equal(resumed.logits, logits)
    write_teacher_logits(tmp_path / "quiet.h5", teacher_views)
    assert resumed.sha256 == read_teacher_logits(tmp_path / "quiet.h5").sha256
    assert not list(folder.iterdir())


def test_a_view_counts_only_after_its_whole_journal_line(folder, teacher_views):
    logits, wrong = teacher_views
    unfinished = writer(folder)
    for view in (0, 1):
        unfinished.write_view(view, logits[view], wrong[view])
    journal = folder / "journal.jsonl"
    whole = journal.read_text(encoding="utf-8")
    for cut in (1, 2, 20):  # the line's end, its last brace, half of it
        journal.write_text(whole[:-cut], encoding="utf-8")
        resumed = writer(folder)
        assert resumed.missing == [1]
        resumed.write_view(1, logits[1], wrong[1])
        assert journal.read_text(encoding="utf-8") == whole


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(CacheIdentity)])
def test_unfinished_file_of_another_identity_waits_until_that_returns(folder, teacher_views, field):
    logits, wrong = teacher_views
    writer(folder).write_view(0, logits[0], wrong[0])
    said, other = [], dataclasses.replace(IDENTITY, **{field: "other"})
    assert writer(folder, other, say=said.append).missing == [0, 1]
    (sentence,) = said
    old = getattr(IDENTITY, field)
    shown = {"dataset": old[:12]}.get(field, old if len(old) <= 60 else f"{old[:29]}…{old[-29:]}")
    assert f"of other settings ({field}: {shown} → other): it waits as aside-" in sentence
    writer(folder, other).write_view(1, logits[1], wrong[1])
    said.clear()
    assert writer(folder, say=said.append).missing == [1]
    assert "is taken up again from aside-" in said[-1]
    assert writer(folder, other).missing == [0]


def test_what_asked_the_teacher_is_named_key_by_key(folder):
    maker = {"threads": 1, "torch": "2.9"}
    said, identity = [], dataclasses.replace(IDENTITY, maker=json.dumps(maker))
    writer(folder, identity)
    changed = dataclasses.replace(identity, maker=json.dumps(maker | {"threads": 4}))
    writer(folder, changed, say=said.append)
    assert "of other settings (maker.threads: 1 → 4): " in said[0]


def test_unfinished_file_of_another_shape_waits(folder, teacher_views):
    logits, wrong = teacher_views
    writer(folder).write_view(0, logits[0], wrong[0])
    assert writer(folder, shape=(2, 6, 2, 3)).missing == [0, 1]
    assert writer(folder).missing == [1]


def test_only_the_newest_waits_and_the_older_one_is_named(folder):
    said = []
    for name in ("a", "b", "c"):
        writer(folder, dataclasses.replace(IDENTITY, views=name), say=said.append)
    assert len(list(folder.glob("aside-*"))) == 1
    assert said[-1].endswith("an older unfinished cache, is removed (1 is kept)")
    said.clear()
    writer(folder, dataclasses.replace(IDENTITY, views="b"), say=said.append)
    assert any("taken up again" in text for text in said)


@pytest.mark.parametrize("next_settings", ["the new ones", "the old ones"])
def test_a_kill_between_two_moves_loses_nothing(folder, teacher_views, next_settings):
    logits, wrong = teacher_views
    other = dataclasses.replace(IDENTITY, views="other")
    writer(folder).write_view(0, logits[0], wrong[0])
    writer(folder, other)
    (aside,) = folder.glob("aside-*")
    assert sorted(path.name for path in aside.iterdir()) == ["journal.jsonl", "unfinished.h5"]
    (folder / "unfinished.h5").unlink()
    (aside / "unfinished.h5").rename(folder / "unfinished.h5")  # half of the way, there or back
    if next_settings == "the new ones":
        assert writer(folder, other).missing == [0, 1]
    assert writer(folder).missing == [1]


def test_one_that_waits_makes_room_on_a_full_disk(small_disk, teacher_views):
    folder, said = small_disk(size=2 << 20), []
    shape = (2, 50_000, 2, 3)  # 1.2 MB
    writer(folder, shape=shape)
    other = dataclasses.replace(IDENTITY, views="other")
    assert writer(folder, other, shape, said.append).missing == [0, 1]
    assert said[-1].startswith("the disk is full: aside-")
    assert not list(folder.glob("aside-*"))


@pytest.mark.parametrize("damage", ["logit", "count", "view", "seal", "not JSON", "not UTF-8"])
def test_damaged_views_are_made_anew_and_said(tmp_path, folder, teacher_views, damage):
    logits, wrong = teacher_views
    unfinished, said = writer(folder), []
    for view in (0, 1):
        unfinished.write_view(view, logits[view], wrong[view])
    if damage == "logit":
        with h5py.File(folder / "unfinished.h5", "r+") as file:
            file["logits"][1, 4, 1, 2] += 1
    else:
        journal = folder / "journal.jsonl"
        first, second = journal.read_bytes().splitlines()
        places = {"count": rb"\[2", "view": rb"w.: 1", "seal": rb"l.: .."}
        if damage in places:
            place = re.search(places[damage], second).end() - 1
            second = second[:place] + b"0" + second[place + 1 :]
        else:
            second = {"not JSON": b"[" * 10_000, "not UTF-8": b"\xff"}[damage]
        journal.write_bytes(first + b"\n" + second + b"\n")
    resumed = writer(folder, say=said.append)
    assert said == ["1 views of the unfinished cache are damaged: they are made anew"]
    assert resumed.missing == [1]
    resumed.write_view(1, logits[1], wrong[1])
    resumed.finish(tmp_path / "resumed.h5", np.array([0.25, 0.125]))
    write_teacher_logits(tmp_path / "quiet.h5", teacher_views)
    quiet, found = (read_teacher_logits(tmp_path / f"{n}.h5") for n in ("quiet", "resumed"))
    assert found.sha256 == quiet.sha256
    verify_content(found, tmp_path / "resumed.h5")


@pytest.mark.parametrize("lost", ["unfinished.h5", "journal.jsonl"])
def test_half_of_the_state_is_no_state(folder, teacher_views, lost):
    logits, wrong = teacher_views
    writer(folder).write_view(0, logits[0], wrong[0])
    (folder / lost).unlink()
    assert writer(folder).missing == [0, 1]


def test_truncated_unfinished_file_is_thrown_away(folder, teacher_views):
    logits, wrong = teacher_views
    writer(folder).write_view(0, logits[0], wrong[0])
    path = folder / "unfinished.h5"
    path.write_bytes(path.read_bytes()[:-1])
    said = []
    assert writer(folder, say=said.append).missing == [0, 1]
    assert said == [f"{path} is damaged or of another version: it is removed"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 65504, -65504])
def test_what_float16_cannot_hold_is_refused(folder, value):
    logits = np.zeros(SHAPE[1:], np.float16)
    logits[4, 1, 2] = value
    unfinished = writer(folder)
    with pytest.raises(ValueError, match="logits of view 1 must be finite and below 65504"):
        unfinished.write_view(1, logits, np.zeros(2, np.int64))
    assert unfinished.missing == writer(folder).missing == [0, 1]


@pytest.mark.parametrize(
    "logits", [np.zeros(SHAPE[1:]), np.zeros((5, 3, 2), np.float16), np.zeros(30, np.float16)]
)
def test_other_arrays_are_refused(folder, logits):
    with pytest.raises(ValueError, match=re.escape("must be float16 (5, 2, 3), got ")):
        writer(folder).write_view(0, logits, np.zeros(2, np.int64))


@pytest.mark.parametrize("view", [-1, 2])
def test_no_view_beside_the_table(folder, view):
    with pytest.raises(ValueError, match=f"view must lie in 0 … 1, got {view}"):
        writer(folder).write_view(view, np.zeros(SHAPE[1:], np.float16), np.zeros(2, np.int64))


def test_finish_needs_every_view(tmp_path, folder):
    with pytest.raises(ValueError, match=re.escape("missing [0, 1]")):
        writer(folder).finish(tmp_path / "cache.h5", np.zeros(2))
    assert not (tmp_path / "cache.h5").exists()


def test_full_disk_is_told_at_once_and_again(small_disk):
    folder = small_disk(size=256 * 1024)
    shape = (2, 50_000, 2, 3)  # 1.2 MB
    for _ in range(2):  # what the first attempt left must not pass for room
        with pytest.raises(OSError, match="No space left"):
            writer(folder / "cache", shape=shape)
        assert not list((folder / "cache").iterdir())
    assert writer(folder / "cache").missing == [0, 1]


def test_room_is_taken_at_creation(folder):
    shape = (2, 50_000, 2, 3)
    writer(folder, shape=shape)
    assert (folder / "unfinished.h5").stat().st_blocks * 512 >= 2 * np.prod(shape)


FILLS_A_CACHE = """
import sys
import numpy as np
from erde_core.store.teacher_logits import CacheIdentity
from erde_core.store.teacher_logits_writer import TeacherLogitsWriter

def view_logits(view):
    return np.random.default_rng(view).normal(size=(100, 4, 50)).astype(np.float16)

def fill(folder, views):
    table = np.stack([np.arange(views)] * 3, axis=1)
    identity = CacheIdentity(*["same"] * len(CacheIdentity.__annotations__))
    writer = TeacherLogitsWriter(folder, (views, 100, 4, 50), table, identity)
    for view in writer.missing:
        writer.write_view(view, view_logits(view), np.arange(4) + view)
    return writer

if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2])).finish(sys.argv[3], np.zeros(4))
"""


def test_sigkill_at_random_moments_changes_nothing(tmp_path):
    seed = random.SystemRandom().randrange(10**6)
    draw = random.Random(seed)
    print(f"kill seed {seed}")
    script, views = tmp_path / "fill.py", 100
    script.write_text(FILLS_A_CACHE, encoding="utf-8")

    def start(name):
        command = [sys.executable, script, tmp_path / name, str(views), tmp_path / f"{name}.h5"]
        return subprocess.Popen(list(map(str, command)))

    assert start("quiet").wait() == 0
    journal, kills = tmp_path / "killed" / "journal.jsonl", 0
    for _ in range(3):
        process, done = start("killed"), lines(journal)
        stop_at = min(done + draw.randrange(1, 20), views - 20)
        while process.poll() is None and lines(journal) < stop_at:
            pass
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills == 3
    assert start("killed").wait() == 0
    quiet, killed = (read_teacher_logits(tmp_path / f"{name}.h5") for name in ("quiet", "killed"))
    assert killed.sha256 == quiet.sha256
    np.testing.assert_array_equal(killed.logits, quiet.logits)
    np.testing.assert_array_equal(killed.wrong_on_train, quiet.wrong_on_train)


def lines(journal):
    try:
        text = journal.read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0
    for line in text.split("\n")[:-1]:
        json.loads(line)
    return text.count("\n")
