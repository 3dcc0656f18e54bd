import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.schema import Experiment, parse_experiment, read_experiment
from erde_torch.training.settings import AugmentSettings, StudentSettings, TeacherSettings

EXPERIMENTS = Path(__file__).parents[3] / "workflow" / "experiments"
RULES = EXPERIMENTS.parent / "rules"
SHIPPED = sorted(EXPERIMENTS.glob("*.yaml"))
KEYS = {
    "dataset": {"name": "digits"},
    "teacher": {"network": {"name": "resnet34"}, "train": {"epochs": 3}},
    "student": {"train": {"epochs": 2}},
    "seeds": [0, 7],
    "variants": {"erde": {"method": "erde", "entropy_weight": 0.1}},
}


def changed(place, value):
    """``KEYS`` with the value at a dotted place set; ``...`` removes it."""
    keys = copy.deepcopy(KEYS)
    *path, last = place.split(".")
    inner = keys
    for key in path:
        inner = inner.setdefault(key, {})
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return keys


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_experiments_are_valid(path):
    experiment = read_experiment(path)
    methods = {variant.method for variant in experiment.variants.values()}
    assert {"ce", "kd", "masked_kd", "erde"} <= methods or path.stem == "digits_sweep"
    assert len(experiment.seeds) > 1 or path.stem == "cifar100_quick"  # an hour has room for one


def test_there_are_shipped_experiments():
    assert {"digits", "cifar10", "cifar100", "svhn"} <= {path.stem for path in SHIPPED}


def test_defaults_are_the_documented_ones():
    experiment = parse_experiment(KEYS, "x.yaml")
    assert (experiment.augment.pad, experiment.augment.flip, experiment.augment.orbit) == (
        4,
        True,
        162,
    )
    assert (experiment.cache.views, experiment.device, experiment.teacher.folds) == (
        "all",
        "auto",
        1,
    )
    train = experiment.student.train
    assert (train.label_smoothing, train.ema_decay, train.schedule) == (0, 0, "one_cycle")
    variant = experiment.variants["erde"]
    assert (variant.teacher, variant.loss.entropy_weight, variant.loss.temperature) == (
        "cache",
        0.1,
        4,
    )


UNKNOWN = {
    "seedz": (": unknown key 'seedz'; did you mean 'seeds'?", [0]),
    "teacher.trian": ("teacher: unknown key 'trian'; did you mean 'train'?", {}),
    "teacher.train.epoch": ("teacher.train: unknown key 'epoch'; did you mean 'epochs'?", 3),
    "teacher.network.widht": ("teacher.network: unknown key 'widht'; did you mean 'width'?", 1.0),
    "student.train.learningrate": ("did you mean 'learning_rate'?", 0.1),
    "student.seed": ("student: unknown key 'seed'; known: network, train", 0),
    "dataset.canvass": ("dataset: unknown key 'canvass'; did you mean 'canvas'?", 24),
    "dataset.path": ("dataset: unknown key 'path'; known: name, train_images, canvas, seed", "x"),
    "augment.pat": ("augment: unknown key 'pat'; did you mean 'pad'?", 2),
    "cache.view": ("cache: unknown key 'view'; did you mean 'views'?", 2),
    "variants.erde.entropy_weigth": (
        "variants.erde: unknown key 'entropy_weigth'; did you mean 'entropy_weight'?",
        0.1,
    ),
    "student.train.decay": ("student.train: unknown key 'decay'; did you mean 'ema_decay'?", 0.2),
    "student.train.mixup": ("student.train: 'mixup' mixes images, which the cached teacher", 0.2),
    "augment.cutmix": ("augment: 'cutmix' mixes images, which the cached teacher cannot", 1.0),
}


@pytest.mark.parametrize("place", UNKNOWN)
def test_misspelt_key_is_named_with_the_nearest(place):
    message, value = UNKNOWN[place]
    with pytest.raises(ExperimentError, match=r"^x\.yaml: ") as caught:
        parse_experiment(changed(place, value), "x.yaml")
    assert message in str(caught.value)


BROKEN = [
    ("teacher", ..., "teacher: this key is required"),
    ("teacher", 3, "teacher: must be a mapping of keys, got 3"),
    ("teacher.train.epochs", "3", "teacher.train.epochs: must be a valid integer, got '3'"),
    ("teacher.train.epochs", 0, "teacher.train.epochs: must be greater than or equal to 1, got 0"),
    ("teacher.train.epochs", 2.0, "teacher.train.epochs: must be a valid integer, got 2.0"),
    ("teacher.train.learning_rate", float("inf"), "must be a finite number, got inf"),
    ("teacher.train.learning_rate", float("nan"), "must be a finite number, got nan"),
    ("teacher.train.schedule", "step", "must be 'one_cycle' or 'cosine', got 'step'"),
    ("teacher.train.processes", 0, "teacher.train.processes: must be greater than or equal to 1"),
    ("teacher.train.processes", 3, "teacher.train.batch_size must be a multiple of processes, "),
    ("student.train.processes", 128, "at least 2 images for each, got 128 for 128 processes"),
    ("teacher.folds", 0, "teacher.folds: must be greater than or equal to 1, got 0"),
    ("teacher.network.name", "vgg", "teacher.network.name must be one of resnet10, "),
    ("teacher.network.width", 0, "teacher.network.width: must be greater than 0, got 0"),
    ("student.train.label_smoothing", 0.1, "train.label_smoothing must be 0 for the student"),
    ("dataset", "digits", "dataset: must be a mapping of keys, got 'digits'"),
    ("dataset.name", ..., "dataset.name: this key is required"),
    ("dataset.name", "cifar11", "dataset.name: unknown name 'cifar11'; did you mean 'cifar10'?"),
    ("augment.flip", 1, "augment.flip: must be a valid boolean, got 1"),
    ("augment.pad", -1, "augment.pad: must be greater than or equal to 0, got -1"),
    ("cache.views", 163, "cache.views must be 'all' or 1 … 162 (the views of this augmentation)"),
    ("cache.views", 0, "cache.views must be 'all' or a whole number >= 1, got 0"),
    ("cache.views", "many", "cache.views must be 'all' or a whole number >= 1, got 'many'"),
    ("seeds", [], "seeds: must hold at least 1, got []"),
    ("seeds", [3, 4, 3], "seeds must differ from each other, got [3, 4, 3]"),
    ("seeds", [1.5], "seeds.0: must be a valid integer, got 1.5"),
    ("seeds", [-1], "seeds.0: must be greater than or equal to 0, got -1"),
    ("seeds", [2**31], "seeds.0: must be less than 2147483648"),
    ("device", "tpu", "device: must be 'auto', 'cpu' or 'cuda', got 'tpu'"),
    ("variants", {}, "variants: must hold at least 1, got {}"),
    ("variants.erde", None, "variants.erde: must be a mapping with the key 'method', got None"),
    ("variants.erde.method", "kdd", "variants.erde: method must be one of ce, kd, masked_kd, erde"),
    (
        "variants.erde.method",
        ["kd"],
        "method must be one of ce, kd, masked_kd, erde, dkd, kd_ls, got ['kd']",
    ),
    (
        "variants.erde.method",
        ...,
        "method must be one of ce, kd, masked_kd, erde, dkd, kd_ls, got None",
    ),
    ("variants.erde.entropy_weight", -0.1, "entropy_weight must be a finite number >= 0, got -0.1"),
    ("variants.erde.temperature", 0, "temperature must be a finite number > 0, got 0"),
    ("variants.erde.temperature", "4", "temperature must be a finite number > 0, got '4'"),
    ("variants.erde.kd_mask", "none", "kd_mask must be one of 'right', 'all', got 'none'"),
    ("variants.erde.exit_weights", [1, 2], "exit_weights must have one number per exit (4)"),
    ("variants.erde.exit_weights", [1, 1, 1, -1], "exit_weights[3] must be a finite number >= 0"),
    ("variants.erde.exit_weights", 1, "exit_weights must be a list of numbers"),
    ("variants.erde.teacher", "disk", "variants.erde.teacher: must be 'cache' or 'online'"),
]


@pytest.mark.parametrize(("place", "value", "message"), BROKEN)
def test_broken_rule_is_one_sentence(place, value, message):
    with pytest.raises(ExperimentError, match=r"^x\.yaml: ") as caught:
        parse_experiment(changed(place, value), "x.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("label", ["a b", "a/b", "", ".hidden", "_a", "-a", "größe", "a\n", 1])
def test_labels_that_are_no_folder_names_are_refused(label):
    with pytest.raises(ExperimentError, match=r"x\.yaml: variants"):
        parse_experiment(KEYS | {"variants": {label: {"method": "kd"}}}, "x.yaml")


def written_names():
    """What the rules write beside the folders of variants, here and under logs and benchmarks."""
    rules = "".join(p.read_text(encoding="utf-8") for p in sorted(RULES.glob("*.smk")))
    paths = re.findall(r"results/\{\{?experiment\}\}?/([A-Za-z0-9_./]+)", rules)
    names = {part for path in paths for part in path.split("/")[:2] if part}
    return sorted(names | {"estimate.json", "checkpoints", "comparison.csv", "cache.tsv"})


def test_there_are_names_that_the_rules_write():
    found = {"teacher", "rivals", "deploy", "logs", "pareto.csv", "data.h5", "cache.log"}
    assert found <= set(written_names())


@pytest.mark.parametrize("label", written_names())
def test_labels_of_the_workflows_own_files_are_refused(label):
    with pytest.raises(ExperimentError, match=f"the name '{re.escape(label)}' is taken by the"):
        parse_experiment(KEYS | {"variants": {label: {"method": "kd"}}}, "x.yaml")


@pytest.mark.parametrize(
    ("label", "keys", "message"),
    [
        ("kd", {"method": "ce"}, "'kd' must be of method kd, as pictures and report call it so"),
        ("erde-temperature-2", {"method": "kd", "temperature": 2}, "must be of method erde"),
        ("erde-temperature-2", {"method": "erde"}, "says temperature 2, but its temperature is 4"),
        ("a-exit_weights-1_1", {"method": "erde"}, "but its exit_weights is None"),
    ],
)
def test_a_label_says_nothing_that_is_not_so(label, keys, message):
    with pytest.raises(ExperimentError, match=message):
        parse_experiment(KEYS | {"variants": {label: keys}}, "x.yaml")


def test_lists_that_make_too_many_variants_are_refused_before_they_are_made():
    values = [n / 100 for n in range(1, 201)]
    keys = {"method": "erde"} | dict.fromkeys(("temperature", "kd_weight", "ce_weight"), values)
    with pytest.raises(ExperimentError, match="at most 1000 variants, got 8000000"):
        parse_experiment(KEYS | {"variants": {"erde": keys}}, "x.yaml")


def test_too_many_students_are_refused():
    listed = {"erde": {"method": "erde", "temperature": [*range(1, 101)]}}
    with pytest.raises(ExperimentError, match="at most 10000 students, got 10100"):
        parse_experiment(KEYS | {"variants": listed, "seeds": [*range(101)]}, "x.yaml")


def test_an_error_is_a_sentence_and_not_a_page():
    with pytest.raises(ExperimentError) as caught:
        parse_experiment(changed("device", "x" * 10_000), "x.yaml")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("label", ["erde", "ERDE-w0.3", "1", "w_3.5"])
def test_ordinary_labels_pass(label):
    variants = {label: {"method": "erde", "exit_weights": [1, 1, 1, 2.5]}}
    assert label in parse_experiment(KEYS | {"variants": variants}, "x.yaml").variants


def test_who_reads_the_cache():
    variants = {
        "ce": {"method": "ce"},
        "kd": {"method": "kd"},
        "online": {"method": "kd", "teacher": "online"},
        "mask": {"method": "ce", "ce_mask": "right"},
    }
    found = parse_experiment(KEYS | {"variants": variants}, "x.yaml").variants
    assert {label for label, variant in found.items() if variant.reads_cache} == {"kd", "mask"}


@pytest.mark.parametrize("size", [[16, 0], [16], "16", [16.5, 16]])
def test_folder_needs_two_sides(size):
    source = {"name": "folder", "path": "x", "image_size": size, "validation": 3}
    with pytest.raises(ExperimentError, match=r"dataset\.image_size"):
        parse_experiment(KEYS | {"dataset": source}, "x.yaml")


def test_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "digits.yaml").touch()
    with pytest.raises(ExperimentError, match=r"experiment 'digit': .* did you mean 'digits'\?"):
        read_experiment(tmp_path / "digit.yaml")


def test_online_students_and_folds_are_refused():
    keys = changed("teacher.folds", 3)
    assert parse_experiment(keys, "x.yaml").teacher.folds == 3
    keys["variants"]["erde"]["teacher"] = "online"
    with pytest.raises(
        ExperimentError, match=r"variants\.erde: teacher must be 'cache' with teacher"
    ):
        parse_experiment(keys, "x.yaml")


def test_hidden_files_are_no_experiments(tmp_path):
    (tmp_path / ".pre-commit-config.yaml").touch()
    with pytest.raises(ExperimentError, match=r"no file .*; known: none$"):
        read_experiment(tmp_path / "digits.yaml")


def test_experiment_survives_a_json_round_trip_of_its_parts():
    """Snakemake hands the parts to the scripts as plain data."""
    experiment = parse_experiment(KEYS, "x.yaml")
    parts = json.loads(json.dumps(experiment.named()))
    assert AugmentSettings(**parts["augment"]) == experiment.augment
    assert TeacherSettings.of(parts["teacher"]) == experiment.teacher
    assert StudentSettings.of(parts["student"]) == experiment.student
    assert isinstance(experiment, Experiment)


def test_the_number_of_processes_is_no_part_of_what_is_trained():
    """Neither Snakemake nor a checkpoint sees a change of it."""
    two = parse_experiment(changed("teacher.train.processes", 2), "x.yaml")
    assert two.teacher.train.processes == 2
    assert two.named() == parse_experiment(KEYS, "x.yaml").named()


@pytest.mark.parametrize("graph", [True, "auto"])
def test_nor_is_that_its_step_is_a_graph(graph):
    captured = parse_experiment(changed("student.train.graph", graph), "x.yaml")
    assert captured.student.train.graph == graph
    assert captured.named() == parse_experiment(KEYS, "x.yaml").named()


def test_reading_an_experiment_imports_no_torch():
    code = "import sys, erde.experiment.schema; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
