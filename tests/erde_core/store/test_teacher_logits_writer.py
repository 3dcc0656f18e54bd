import dataclasses
import json
import random
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from erde_core.store.teacher_logits import CacheIdentity, read_teacher_logits
from erde_core.store.teacher_logits_writer import TeacherLogitsWriter

from .conftest import IDENTITY, VIEWS, write_teacher_logits

SHAPE = (2, 5, 2, 3)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "unfinished"


def writer(folder, identity=IDENTITY, shape=SHAPE):
    return TeacherLogitsWriter(folder, shape, VIEWS, identity)


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
def test_unfinished_file_of_another_identity_is_thrown_away(folder, teacher_views, field):
    logits, wrong = teacher_views
    writer(folder).write_view(0, logits[0], wrong[0])
    assert writer(folder, dataclasses.replace(IDENTITY, **{field: "other"})).missing == [0, 1]
    assert writer(folder).missing == [0, 1]  # nor does the first come back


def test_unfinished_file_of_another_shape_is_thrown_away(folder, teacher_views):
    logits, wrong = teacher_views
    writer(folder).write_view(0, logits[0], wrong[0])
    assert writer(folder, shape=(2, 6, 2, 3)).missing == [0, 1]


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
    assert writer(folder).missing == [0, 1]


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
