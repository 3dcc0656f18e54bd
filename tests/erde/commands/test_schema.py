"""erde schema: what it lets pass and what it refuses is what the reader of the files does."""

import copy
import dataclasses

import jsonschema
import pytest

from erde.commands.schema import experiment_schema
from erde.experiment.errors import ExperimentError
from erde.experiment.schema import parse_experiment
from erde_core.settings import METHODS, LossSettings, method_settings

RESNET = {"name": "resnet10"}
SEEN = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
FOLDER = {"name": "folder", "path": "mine", "image_size": 32, "validation": 0.1}
FILE = {
    "dataset": {"name": "digits"},
    "augment": {"pad": 2},
    "teacher": {"network": {"name": "resnet18"}, "train": {"epochs": 2}},
    "cache": {},
    "student": {"network": RESNET, "train": {"epochs": 2}},
    "variants": {"mine": {"method": "erde"}},
    "seeds": [0],
}
CASCADE = {"mine": {"method": "kd", "network": {"cascade": [RESNET | {"exits": []}, RESNET]}}}
# Of each class of settings: a file that has it, and where.
PLACES = {
    "Experiment": ({}, ()),
    "DigitsSettings": ({}, ("dataset",)),
    "CifarSettings": ({"dataset": {"name": "cifar10"}}, ("dataset",)),
    "SvhnSettings": ({"dataset": {"name": "svhn"}}, ("dataset",)),
    "FolderSettings": ({"dataset": FOLDER}, ("dataset",)),
    "AugmentSettings": ({}, ("augment",)),
    "CropSettings": ({"augment": {"crops": {}}, "cache": {"views": 5}}, ("augment", "crops")),
    "CacheSettings": ({}, ("cache",)),
    "TeacherSettings": ({}, ("teacher",)),
    "StudentSettings": ({}, ("student",)),
    "TrainSettings": ({}, ("student", "train")),
    "NetworkSettings": ({}, ("student", "network")),
    "CascadeSettings": ({"variants": CASCADE}, ("variants", "mine", "network")),
    "WeightsTeacher": ({"teacher": {"trained": "a.pth", "network": RESNET} | SEEN}, ("teacher",)),
    "OnnxTeacher": ({"teacher": {"onnx": "a.onnx"} | SEEN}, ("teacher",)),
    "LogitsTeacher": ({"teacher": {"logits": "a", "test_logits": "b"}}, ("teacher",)),
    "Variant": ({}, ("variants", "mine")),
    "OwnTrain": (
        {"variants": {"mine": {"method": "kd", "train": {}}}},
        ("variants", "mine", "train"),
    ),
    "Int8Settings": ({"int8": {}}, ("int8",)),
}
VALUES = (-1, 0, 1, 0.5, 1.5, 1000, True, None, "nonsense", "auto", [], [0.5, 1], [[-1, 1]], {})
# Rules that join two keys, which an editor's schema leaves to `erde check`.
JOINED = {
    ("TrainSettings", "kd_warmup"): "at most epochs",
    ("TrainSettings", "processes"): "multiple of processes",
    ("OwnTrain", "kd_warmup"): "at most epochs",
    ("CacheSettings", "views"): "the views of this augmentation",
    ("AugmentSettings", "crops"): "must not stand beside crops",
    ("AugmentSettings", "colour"): "0 without crops",
    ("Experiment", "augment"): "the views of this augmentation",
    ("WeightsTeacher", "mean"): "given together",
    ("WeightsTeacher", "std"): "given together",
    ("OnnxTeacher", "mean"): "given together",
    ("OnnxTeacher", "std"): "given together",
    ("Variant", "exit_weights"): "one number per exit",
}


@pytest.fixture(scope="module")
def schema():
    return experiment_schema()


@pytest.fixture(scope="module")
def accepts(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).is_valid


def with_value(settings, key, value):
    changes, place = PLACES[settings]
    keys = inner = copy.deepcopy(FILE | changes)
    for name in place:
        inner = inner[name]
    inner[key] = value
    return keys


def refusal(keys):
    """The reader's sentence; None where it takes the file."""
    try:
        parse_experiment(keys, "mine")
    except ExperimentError as error:
        return str(error)
    return None


def properties_of(schema, settings):
    return (schema if settings == "Experiment" else schema["$defs"][settings])["properties"]


def test_every_class_of_settings_is_tried(schema):
    assert set(PLACES) == {*schema["$defs"], "Experiment"}


@pytest.mark.parametrize("settings", PLACES)
def test_the_schema_takes_and_refuses_each_value_as_the_reader_does(settings, schema, accepts):
    assert refusal(FILE | PLACES[settings][0]) is None
    for key in properties_of(schema, settings):
        for value in VALUES:
            keys = with_value(settings, key, value)
            said = refusal(copy.deepcopy(keys))
            if said and JOINED.get((settings, key), said + ".") in said:
                continue
            assert accepts(keys) == (said is None), (key, value, said)


@pytest.mark.parametrize(
    ("settings", "key", "right", "wrong"),
    [
        ("Variant", "temperature", [0.001, 100], [0.0009, 101]),
        ("Variant", "kd_mask", ["right", "all", ["right", "all"]], ["last", ["right", "right"]]),
        ("Variant", "kd_exits", ["all", "late"], ["early"]),
        ("Variant", "ce_mask", ["right", "all"], ["exit"]),
        ("Variant", "entropy_exits", ["all", "early"], ["right"]),
        ("Variant", "entropy_scale", ["nats", "log_c"], ["bits"]),
        ("Variant", "right_from", ["exit", "last"], ["first"]),
        ("Variant", "target_from", ["exit", "last"], ["first"]),
        ("Variant", "decoupled", [[1, 8], [[1, 8], [1, 2]], None], [[1], [1, -8], [[1, 8], None]]),
        ("Variant", "exit_weights", [[1, 1, 0, 2], [[1, 1, 0, 2]]], [[1, 1, 0, -2]]),
        ("TrainSettings", "threads", [1, 1024, "auto"], [0, 1025, "all", 1.5]),
        ("TrainSettings", "epochs", [1_000_000], [1_000_001, 10**21]),
        ("TrainSettings", "learning_rate", [100], [100.1, 1e300]),
        ("TrainSettings", "weight_decay", [100], [100.1, 1e300]),
        ("OwnTrain", "epochs", [1_000_000], [1_000_001]),
        ("DigitsSettings", "seed", [2**31 - 1], [2**31]),
        ("CifarSettings", "split_seed", [2**31 - 1], [2**31]),
        ("SvhnSettings", "split_seed", [2**31 - 1], [2**31]),
        ("FolderSettings", "split_seed", [2**31 - 1], [2**31, 20251127154810123456789]),
        ("CropSettings", "seed", [2**31 - 1], [2**31, 20251127154810123456789]),
        ("FolderSettings", "image_size", [8192, [8192, 1]], [8193, [1, 8193]]),
        ("Variant", "kd_weight", [1e30], [1e31, 1e300]),
        ("Variant", "exit_weights", [[1e30, 1, 1, 1]], [[1e31, 1, 1, 1]]),
        ("TrainSettings", "graph", [True, False, "auto"], ["true", 1]),
        ("TrainSettings", "label_smoothing", [0], [0.1]),
        ("CacheSettings", "views", [1, "all"], [0, "few"]),
        ("NetworkSettings", "name", ["wrn16_1", "timm/resnet18"], ["resnet11", "tim/resnet18"]),
        ("NetworkSettings", "exits", [[0, "1.0"], []], [["1"], [-1]]),
        ("FolderSettings", "validation", [1, 0.999, "folder"], [1.001, 0, "val"]),
        ("WeightsTeacher", "image_size", [32, [32, 48], None], [0, [32], "32"]),
        ("WeightsTeacher", "mean", [[0, 0.5, 1]], [[0.5, 0.5, 1.1], [0.5, 0.5, -0.1], []]),
        ("OnnxTeacher", "std", [[0.01, 0.5, 1]], [[0.5, 0.5, 1.1], [0.5, 0.5, 0], []]),
        ("CropSettings", "scale", [[0.1, 1]], [[0, 1], [0.1, 1.1]]),
    ],
)
def test_the_edge_of_each_rule_stands_where_the_reader_has_it(settings, key, right, wrong, accepts):
    for value in right:
        keys = with_value(settings, key, value)
        assert accepts(keys), value
        assert refusal(keys) is None, value
    for value in wrong:
        keys = with_value(settings, key, value)
        assert not accepts(keys), value
        assert refusal(keys) is not None, value


def test_a_default_that_depends_on_the_method_is_said_in_words(schema):
    found = schema["$defs"]["Variant"]["properties"]
    for field in dataclasses.fields(LossSettings):
        values = {getattr(method_settings(method), field.name) for method in METHODS}
        assert (found[field.name].get("default", "none") in values) == (len(values) == 1)
    said = "Default by method: ce: 4.0, kd: 4.0, masked_kd: 4.0, erde: 4.0, dkd: 4.0, kd_ls: 2.0."
    assert found["temperature"]["description"] == said
