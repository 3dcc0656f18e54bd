"""Damaged teacher-logits files, finished and unfinished."""

import dataclasses
import random
from collections import Counter
from unittest import mock

import numpy as np

from erde_core.store import teacher_logits as store
from erde_core.store import teacher_logits_writer as writing
from erde_core.store.teacher_logits import CacheIdentity
from erde_core.store.teacher_logits_writer import TeacherLogitsWriter
from tests.fuzz.changes.damage import BYTES, no_hang, plain
from tests.fuzz.stored import damage_campaign, lies_are_refused

CASES, SEED = 1000, 22
VIEWS = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0]])
IDENTITY = CacheIdentity(*(name[0] * 20 for name in CacheIdentity.__annotations__))


@dataclasses.dataclass(frozen=True)
class Content:
    """What a cache is written from."""

    logits: np.ndarray
    wrong: np.ndarray
    identity: CacheIdentity = IDENTITY
    views: np.ndarray = dataclasses.field(default_factory=lambda: VIEWS)
    wrong_on_val: np.ndarray = dataclasses.field(default_factory=lambda: np.array([0.5, 0.25]))


def content(seed):
    logits = np.random.default_rng(seed).normal(size=(3, 5, 2, 3)).astype(np.float16)
    identity = dataclasses.replace(IDENTITY, dataset=f"{seed}" * 20)
    return Content(logits, np.array([[1, 0], [2, seed], [0, 3]]), identity)


def writer_of(folder, made, say=lambda text: None):
    return TeacherLogitsWriter(folder, made.logits.shape, made.views, made.identity, say)


def write(path, made):
    writer = writer_of(path.parent / "making", made)
    for view in writer.missing:
        writer.write_view(view, made.logits[view], made.wrong[view])
    writer.finish(path, made.wrong_on_val)


def read_whole(path):
    cache = store.read_teacher_logits(path)
    store.verify_content(cache, path)
    return cache


def campaign(folder, cases, seed):
    finished = cases * 3 // 4
    counts = damage_campaign(folder, write, (content(1), content(2)), read_whole, finished, seed)
    with mock.patch.object(writing, "LARGEST", np.inf):
        counts["lies refused"] = lies_are_refused(folder, write, lies(), read_whole)
    return counts + unfinished(folder, cases - finished, seed)


def lies():
    good = content(1)
    return {
        "views of another number": dataclasses.replace(good, views=VIEWS[:2]),
        "views of two numbers": dataclasses.replace(good, views=VIEWS[:, :2].copy()),
        "a share for a third exit": dataclasses.replace(good, wrong_on_val=np.zeros(3)),
        "shares in a table": dataclasses.replace(good, wrong_on_val=np.zeros((2, 1))),
    }


def unfinished(folder, cases, seed):
    """A damaged unfinished cache is filled again, and ends as one that nothing happened to."""
    draw, made, counts = random.Random(seed), content(1), Counter()
    write(folder / "quiet.h5", made)
    wanted = plain(read_whole(folder / "quiet.h5"))
    for case in range(cases):
        making, said = folder / "unfinished", []
        for view in draw.sample(range(3), draw.randrange(4)):
            writer_of(making, made).write_view(view, made.logits[view], made.wrong[view])
        present = sorted(path for path in making.glob("*.*") if path.stat().st_size)
        path = draw.choice(present or [making / "journal.jsonl"])
        before = path.read_bytes() if present else b"{}"
        making.mkdir(exist_ok=True)
        path.write_bytes(draw.choice(BYTES)(draw, before))
        with no_hang():
            writer = writer_of(making, made, said.append)
            for view in writer.missing:
                writer.write_view(view, made.logits[view], made.wrong[view])
            writer.finish(folder / "again.h5", made.wrong_on_val)
        assert plain(read_whole(folder / "again.h5")) == wanted, f"seed {seed}, case {case}"
        counts["made anew" if said else "gone on"] += 1
    return counts


def test_no_damage_goes_unnoticed(tmp_path):
    counts = campaign(tmp_path, CASES, SEED)
    assert counts["refused"] > CASES / 3
    assert counts["made anew"] > CASES / 40
