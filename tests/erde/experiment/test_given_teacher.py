"""A teacher that is there already: which kind it is follows from its keys."""

import pytest

from erde.commands.schema import experiment_schema
from erde.experiment.errors import ExperimentError
from erde.experiment.schema import parse_experiment
from erde_torch.teachers.settings import LogitsTeacher, OnnxTeacher, WeightsTeacher
from erde_torch.training.settings import TeacherSettings

NETWORK = {"network": {"name": "resnet18"}}
LOGITS = {"logits": "a.npy", "test_logits": "b.npy"}


def parsed(teacher, **keys):
    base = {
        "dataset": {"name": "digits"},
        "teacher": teacher,
        "student": {"train": {"epochs": 1}},
        "seeds": [0],
        "variants": {"erde": {"method": "erde"}, "ce": {"method": "ce"}},
    }
    return parse_experiment(base | keys, "x.yaml")


@pytest.mark.parametrize(
    ("teacher", "kind"),
    [
        (NETWORK | {"train": {"epochs": 1}}, TeacherSettings),
        (NETWORK | {"trained": "a.pth", "mean": [0, 0.5, 1], "std": [1, 1, 1]}, WeightsTeacher),
        ({"onnx": "a.onnx", "image_size": [64, 48]}, OnnxTeacher),
        (LOGITS, LogitsTeacher),
    ],
)
def test_the_keys_tell_the_kind(teacher, kind):
    found = parsed(teacher)
    assert isinstance(found.teacher, kind)
    assert (found.trained_teacher is None) == (kind is not TeacherSettings)
    assert (found.given_teacher is None) == (kind is TeacherSettings)
    assert set(teacher) <= set(found.named()["teacher"])


@pytest.mark.parametrize("teacher", [{"onnx": "a.onnx"}, LOGITS])
def test_results_say_what_they_said_where_the_file_does_not_say_what_is_given(teacher):
    unsaid, said = parsed(teacher), parsed(teacher | {"output": "logits"})
    assert unsaid.teacher.output is None
    assert unsaid.named() == said.named()
    assert unsaid.named()["teacher"]["output"] == "logits"
    assert parsed(teacher | {"output": "probabilities"}).named() != said.named()


def test_what_a_trained_teacher_is_called_stays():
    keys = {"network", "train", "folds", "seed"}
    assert set(parsed(NETWORK | {"train": {"epochs": 1}}).named()["teacher"]) == keys


@pytest.mark.parametrize(
    ("teacher", "keys", "rule"),
    [
        (NETWORK, {}, "teacher.train: this key is required"),
        (NETWORK | {"trained": "a", "folds": 2}, {}, "teacher.folds must be left out: a fold's"),
        (
            {"onnx": "a", "train": {"epochs": 1}},
            {},
            "teacher.train must be left out: there is noth",
        ),
        ({"onnx": "a", "imagesize": 3}, {}, "unknown key 'imagesize'; did you mean 'image_size'?"),
        ({"onnx": "a", "image_size": 0}, {}, "teacher.image_size must be pixels >= 1 or [height"),
        (
            {"onnx": "a", "std": [1, 1, 1]},
            {},
            "teacher.mean and std must be given together, a number",
        ),
        ({"onnx": "a", "mean": [0], "std": [0]}, {}, "teacher.std must be numbers above 0 and up"),
        (
            {"onnx": "a", "mean": [0.5], "std": [0.2] * 3},
            {},
            "teacher.mean and std must be given together, a number per channel each, got [0.5] and",
        ),
        (
            NETWORK | {"trained": "a", "mean": [123.675, 116.28, 103.53], "std": [0.2] * 3},
            {},
            "teacher.mean must be numbers in 0 … 1, for pixel values 0 … 1, got [123.675, 116.28, "
            "103.53]: are they meant for pixel values 0 … 255? Then divide them by 255",
        ),
        (
            {"onnx": "a", "mean": [0.5] * 3, "std": [58.395, 57.12, 57.375]},
            {},
            "teacher.std must be numbers above 0 and up to 1, for pixel values 0 … 1, got [58.395,",
        ),
        ({"onnx": "a", "mean": [-0.1], "std": [0.2]}, {}, "teacher.mean must be numbers in 0 … 1"),
        ({"onnx": "a", "mean": [], "std": []}, {}, "teacher.mean must be numbers in 0 … 1, for p"),
        (
            {"onnx": "a", "output": "odds"},
            {},
            "teacher.output: must be 'logits', 'probabilities' or",
        ),
        ({"trained": "a"}, {}, "teacher.network: this key is required"),
        (
            {"network": {"name": "vgg"}, "trained": "a"},
            {},
            "teacher.network.name must be one of res",
        ),
        ({"logits": "a"}, {}, "teacher.test_logits: this key is required"),
        (LOGITS, {"cache": {"views": 3}}, "cache.views must be 1 with teacher.logits, which holds"),
        (
            LOGITS,
            {"variants": {"a": {"method": "kd", "teacher": "online"}}},
            "variants.a: teacher must be 'cache' with teacher.logits, as a file of answers cannot",
        ),
    ],
)
def test_what_does_not_belong_to_the_kind_is_refused(teacher, keys, rule):
    with pytest.raises(ExperimentError) as caught:
        parsed(teacher, **keys)
    assert rule in str(caught.value)


def test_a_file_of_answers_knows_one_view():
    assert parsed(LOGITS).cache.views == 1
    assert parsed({"onnx": "a"}).cache.views == "all"


def test_editors_are_told_all_kinds():
    kinds = experiment_schema()["properties"]["teacher"]["oneOf"]
    assert len(kinds) == 4
