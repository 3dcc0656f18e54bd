"""Keys that take values of several kinds, or lists: a wrong value gets one sentence.

It names a key that stands in the file, and says the rule of all kinds.
"""

import re

import pytest

from erde.commands.schema import experiment_schema
from tests.erde.commands.test_schema import PLACES, properties_of, refusal, with_value

SCHEMA = experiment_schema()
SEVERAL = {"anyOf", "oneOf", "items", "prefixItems"}
UNIONS = [
    (settings, key)
    for settings in PLACES
    for key, rule in properties_of(SCHEMA, settings).items()
    if SEVERAL & set(rule)
]
WRONG = (-1, 0, 2.5, 1e300, True, "10%", "32", [], [0], [32, 0], [0.5, "1"], {"a": 1}, {}, None)
PYTHONS = ("tuple", "List", "Dictionary", "Input", "validation error")
SIDES = "must be 1 … 8192 pixels or [height, width] of so many"
HELD_OUT = "must be a count >= 1, a fraction between 0 and 1, or 'folder'"
RISING = "must be two rising"


def stands_in(keys, place):
    """Whether the file has a key of this dotted place."""
    for part in re.findall(r"[^.\[\]]+", place):
        if isinstance(keys, dict) and part in keys:
            keys = keys[part]
        elif isinstance(keys, list) and part.isdecimal() and int(part) < len(keys):
            keys = keys[int(part)]
        else:
            return False
    return True


def named(said):
    """The dotted place at which a sentence begins, and what it says of it."""
    place, rest = re.match(r"mine: ([\w.\[\]]+):? (.*)", said, re.S).groups()
    below = re.match(r"([a-z_]+[\w.\[\]]*):? must", rest)  # as in "variants.mine: kd_weight must"
    return f"{place}.{below[1]}" if below else place


def test_there_are_keys_of_several_kinds():
    found = {f"{settings}.{key}" for settings, key in UNIONS}
    assert found >= {
        "FolderSettings.image_size",
        "FolderSettings.validation",
        "TrainSettings.graph",
        "TrainSettings.threads",
        "CacheSettings.views",
        "NetworkSettings.exits",
        "CropSettings.scale",
        "WeightsTeacher.mean",
        "CascadeSettings.cascade",
        "Experiment.int8",
        "Variant.temperature",
    }


@pytest.mark.parametrize(("settings", "key"), UNIONS)
def test_a_wrong_value_is_refused_in_one_sentence_at_a_key_of_the_file(settings, key):
    told = 0
    for value in WRONG:
        keys = with_value(settings, key, value)
        said = refusal(keys)
        if said is None or "this key is required" in said or "unknown key" in said:
            continue
        told += 1
        assert stands_in(keys, named(said)), said
        several = isinstance(value, list) and len(value) > 1  # faults, of a list of words
        assert several or " more)" not in said
        assert not any(word in said for word in PYTHONS), said
    assert told


@pytest.mark.parametrize(
    ("settings", "key", "rule", "values"),
    [
        ("FolderSettings", "image_size", SIDES, [0, [32, 0], [32], [], "32", 2.5, True, None, {}]),
        ("FolderSettings", "validation", HELD_OUT, ["10%", "val", 0, 1.5, [], True, None, {}]),
        ("TrainSettings", "threads", "must be 'auto' or a whole number 1 …", [2.5, 0, "2", [], {}]),
        ("TrainSettings", "graph", "must be true, false or 'auto'", [1, 0.5, "true", [], None]),
        ("CacheSettings", "views", "must be 'all' or a whole number >= 1", [2.5, 0, "2", [], True]),
        ("CropSettings", "scale", RISING, [0.35, [0.35], [0.1, 0.5, 1], ["a", "b"], "1", {}]),
        ("CropSettings", "ratio", RISING, [1, [1], [1, 2, 3], [True, 2], None]),
        ("NetworkSettings", "exits", ": must be a list", [2, "1", {}, True]),
        ("WeightsTeacher", "mean", ": must be a list", [0.5, "0.5", {}]),
        ("OnnxTeacher", "std", ": must be a list", [0.5, "0.5", {}]),
        ("CascadeSettings", "cascade", ": must be a list", [{"name": "resnet10"}, 2, "resnet10"]),
        ("Experiment", "seeds", ": must be a list", [3, "3", {}]),
        ("Experiment", "int8", "must be true, false or a mapping of keys", [1, "yes", [], None]),
    ],
)
def test_the_sentence_says_every_kind_that_the_key_takes(settings, key, rule, values):
    for value in values:
        said = refusal(with_value(settings, key, value))
        assert re.search(rf"{key}:? ?{re.escape(rule)}", said), said
        assert " more)" not in said


def test_a_seed_of_the_split_that_is_too_large_is_named_once():
    """Crops are drawn from it unless they have their own."""
    keys = with_value("CropSettings", "flip_seed", 0)
    del keys["augment"]["crops"]["flip_seed"]
    keys["dataset"] = {"name": "folder", "path": "x", "image_size": 32, "validation": 1}
    keys["dataset"]["split_seed"] = 20251127154810123456789
    said = "mine: dataset.split_seed: must be less than 2147483648, got 20251127154810123456789"
    assert refusal(keys) == said
