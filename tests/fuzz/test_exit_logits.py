"""Damaged exit-logits files."""

import dataclasses
from unittest import mock

import numpy as np

from erde_core.store import exit_logits as store
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from tests.fuzz.stored import damage_campaign, lies_are_refused

CASES, SEED = 1000, 21


def content(seed):
    rng = np.random.default_rng(seed)

    def split(count):
        logits = rng.normal(size=(count, 2, 3)).astype(np.float32)
        return SplitLogits(logits, np.arange(count) % 3, np.arange(count))

    return ExitLogits(split(4), split(6), np.array([30, 90 + seed]), f"{seed}" * 64, "n" * 64)


def campaign(folder, cases, seed):
    contents, read = (content(1), content(2)), store.read_exit_logits
    counts = damage_campaign(folder, store.write_exit_logits, contents, read, cases, seed)
    return counts | {"lies refused": lies_are_refused(folder, sealed, lies(), read)}


def sealed(path, lie):
    with mock.patch.object(store, "check_exit_logits"):
        store.write_exit_logits(path, lie)


def lies():
    good = content(1)

    def with_(**changes):
        return dataclasses.replace(good, val=dataclasses.replace(good.val, **changes))

    val = good.val
    return {
        "labels beyond the classes": with_(labels=val.labels + 1),
        "a negative label": with_(labels=val.labels - 1),
        "labels of fewer images": with_(labels=val.labels[:-1]),
        "groups of fewer images": with_(group=val.group[:-1]),
        "narrow labels": with_(labels=val.labels.astype(np.int32)),
        "wide logits": with_(logits=val.logits.astype(np.float64)),
        "flat logits": with_(logits=val.logits.reshape(4, 6)),
        "another number of exits": with_(logits=val.logits[:, :1]),
        "another number of classes": with_(logits=np.repeat(val.logits, 2, axis=2)),
        "falling MACs": dataclasses.replace(good, macs=good.macs[::-1].copy()),
        "negative MACs": dataclasses.replace(good, macs=-good.macs[::-1]),
        "MACs of three exits": dataclasses.replace(good, macs=np.array([1, 2, 3])),
        "MACs as fractions": dataclasses.replace(good, macs=np.array([0.5, 1.0])),
    }


def test_no_damage_goes_unnoticed(tmp_path):
    counts = campaign(tmp_path, CASES, SEED)
    assert counts["refused"] > CASES / 2
