"""A variant's own ``train`` is laid over the student's; without one all is as it was before."""

import dataclasses
import hashlib
import json
import warnings
from pathlib import Path

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.exit_counts import ExitCounts
from erde.experiment.own_train import OWN_KEYS, WORK, described
from erde.experiment.schema import parse_experiment, read_experiment
from erde_torch.training.settings import TrainSettings, learned

LATE = {"method": "kd", "kd_exits": "late"}
SHIPPED = sorted((Path(__file__).parents[3] / "workflow/experiments").glob("*.yaml"))
TRAIN = {"epochs": 4, "learning_rate": 0.05, "processes": 2, "threads": 1}
THIN = {"name": "resnet10", "width": 0.1, "exits": []}
DEAR = {"name": "resnet10", "width": 0.2, "exits": []}
# Another value than the student has, of each key that says what is learned.
OTHER = {
    "epochs": 9,
    "batch_size": 64,
    "learning_rate": 0.01,
    "schedule": "cosine",
    "warmup": 0.1,
    "momentum": 0.8,
    "weight_decay": 1e-3,
    "class_weights": "balanced",
    "ema_decay": 0.9,
    "gradient_scaling": "equilibrium",
    "kd_warmup": 2.0,
    "precision": "float32",
}


def parsed(**variants):
    keys = {"dataset": {"name": "digits"}, "teacher": {"train": {"epochs": 1}}, "seeds": [0]}
    return parse_experiment(keys | {"student": {"train": TRAIN}, "variants": variants}, "x.yaml")


def kd(train=None, *members):
    network = {"network": {"cascade": list(members)}} if members else {}
    return {"method": "kd"} | network | ({} if train is None else {"train": train})


def refused(train):
    with pytest.raises(ExperimentError) as caught:
        parsed(kd=kd(), mine=kd(train))
    return str(caught.value).removeprefix("x.yaml: variants.mine.")


def test_each_key_is_laid_over_the_students():
    adam = {"optimiser": "adamw", "learning_rate": 0.01}  # which no scaling goes with
    found = parsed(kd=kd(), all=kd(OTHER), one=kd({"kd_warmup": 2}), adam=kd(adam))
    usual = TrainSettings(**TRAIN)
    wanted = {"kd": {}, "all": OTHER, "one": {"kd_warmup": 2.0}, "adam": adam}
    for name, own in wanted.items():
        assert found.train_of(name) == dataclasses.replace(usual, **own)
        training = found.trainings()[name]
        assert training.settings.train == found.train_of(name)
        assert training.settings.network == found.student.network
    assert {*OTHER, *adam, "label_smoothing"} == {*OWN_KEYS}
    assert {*OWN_KEYS, *WORK} == {field.name for field in dataclasses.fields(TrainSettings)}
    assert [found.place_of(found.train_of(name)) for name in wanted] == [
        "student",
        "variants.all",
        "variants.one",
        "variants.adam",
    ]


def test_a_warm_up_of_no_term_is_refused():
    sentence = r"variants\.mine\.train\.kd_warmup must be 0 where kd_weight is.* got 2\.0"
    with pytest.raises(ExperimentError, match=sentence):
        parsed(kd=kd(), mine={"method": "ce", "train": {"kd_warmup": 2}})
    learned_so = parsed(mine={"method": "erde", "train": {"kd_warmup": 2}}).train_of("mine")
    assert learned_so.kd_warmup == 2


def test_every_member_of_a_family_learns_so():
    found = parsed(mine=kd({"epochs": 9}) | {"temperature": [1, 2]})
    assert {found.train_of(name).epochs for name in found.variants} == {9}
    assert len(found.variants) == 2


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ({"kd_warmup": 5}, "train.kd_warmup must be at most epochs (4), got 5.0"),
        ({"epochs": 1, "kd_warmup": 2}, "train.kd_warmup must be at most epochs (1), got 2.0"),
        ({"kd_warmpu": 2}, "train: unknown key 'kd_warmpu'; did you mean 'kd_warmup'?"),
        ({"kd_warmup": "2"}, "train.kd_warmup: must be a valid number, got '2'"),
        ({"epochs": None}, "train.epochs: must be a valid integer, got None"),
        ({"warmup": 1}, "train.warmup: must be less than 1, got 1"),
        ({"optimiser": "adam"}, "train.optimiser: must be 'sgd' or 'adamw', got 'adam'"),
        (
            {"optimiser": "adamw"},
            "train.learning_rate must be at most 0.02 with optimiser 'adamw' (0.001 is usual), "
            "got 0.05",
        ),
        (
            {"optimiser": "adamw", "learning_rate": 0.01, "gradient_scaling": "equilibrium"},
            "train.gradient_scaling must be 'none' with optimiser 'adamw', whose steps are the "
            "same for a gradient times any constant, got 'equilibrium'",
        ),
        (
            {"batch_size": 33},
            "train.batch_size must be a multiple of processes, with at least 2 images for each, "
            "got 33 for 2 processes",
        ),
        (
            {"label_smoothing": 0.1},
            "train.label_smoothing must be 0 for the student: it has no such term",
        ),
        (
            {"kd_warmup": [0, 2]},
            "train.kd_warmup must be one value, as only settings of the loss may list values "
            "(name a variant for each), got [0, 2]",
        ),
        (3, "train: must be a mapping of keys, got 3"),
        ([{"epochs": 1}], "train: must be a mapping of keys, got [{'epochs': 1}]"),
        *(
            (
                {key: value},
                f"train.{key} must be left out: how the work is done is the same for all students "
                f"(student.train.{key})",
            )
            for key, value in zip(WORK, (True, "auto", 1, 2), strict=True)
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(train, said):
    assert refused(train) == said


@pytest.mark.parametrize(
    "train", [{}, None, {"epochs": 4}, TRAIN | {"processes": 2}, {"label_smoothing": 0}]
)
def test_what_is_the_students_is_as_if_it_were_not_there(train):
    own = {key: value for key, value in (train or {}).items() if key not in WORK}
    plain = parsed(kd=kd(), both=kd(None, THIN, DEAR))
    found = parsed(kd={"method": "kd", "train": own if train else train}, both=kd(own, THIN, DEAR))
    assert found == plain
    assert repr(found.named()) == repr(plain.named())
    assert found.trainings() == plain.trainings()


def test_names_and_keys_without_one_are_those_of_before_there_was_one():
    """Folders of members, and what results name, as they were."""
    part = {"train": {"epochs": 1}}
    keys = {"dataset": {"name": "digits"}, "teacher": part, "student": part, "seeds": [0]}
    variants = {"a": kd(None, THIN, DEAR)}
    found = parse_experiment(keys | {"variants": variants}, "x.yaml")
    assert list(found.trainings()) == [
        "members/resnet10-w0.1-plain-913ca618",
        "members/resnet10-w0.2-plain-f8f5175e",
    ]
    named = hashlib.sha256(repr(found.named()).encode()).hexdigest()
    assert named == "c58fe692e909712127aec98033a318270dd152381a621581d0f32dbada045e7a"
    late = parse_experiment(keys | {"variants": {"late": LATE, "a": kd()}}, "x.yaml").named()
    assert late["variants"]["late"]["loss"]["kd_exits"] == "late"
    assert "kd_exits" not in late["variants"]["a"]["loss"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_jobs_are_told_without_one_is_what_they_were_told(path):
    found = read_experiment(path)
    student = found.named()["student"]
    for training in found.trainings().values():
        told = student | {"network": dataclasses.asdict(training.network)}
        assert repr(learned(training.settings)) == repr(told)
    assert repr(learned(found.rival().settings)) == repr(student)


def test_members_learn_as_their_cascade_does_and_each_way_once():
    own = {"epochs": 9}
    found = parsed(
        thin=kd() | {"network": THIN},
        usual=kd(None, THIN, DEAR),
        long=kd(own, THIN, DEAR),
        again=kd(own | {"learning_rate": 0.05}, THIN, DEAR),
        other=kd({"epochs": 8}, THIN, DEAR),
    )
    folders = {name: found.member_folders(name) for name in found.variants if name != "thin"}
    assert folders["usual"][0] == "thin"
    assert folders["long"] == folders["again"]
    trained = {folder for pair in folders.values() for folder in pair}
    assert len(trained) == 6
    assert set(found.trainings()) == trained
    epochs = {name: found.trainings()[one[0]].train.epochs for name, one in folders.items()}
    assert epochs == {"usual": 4, "long": 9, "again": 9, "other": 8}


def test_a_variant_that_learns_so_serves_a_cascade_that_does():
    own = {"epochs": 9}
    thin = {"network": THIN}
    found = parsed(a=kd() | thin, b=kd(own) | thin, both=kd(own, THIN, DEAR))
    assert found.member_folders("both")[0] == "b"


def test_rivals_learn_as_the_first_kd_does():
    own = {"epochs": 9}
    found = parsed(erde={"method": "erde", "train": {"epochs": 8}}, mine=kd(own, THIN, DEAR))
    assert found.rival().train.epochs == 9
    assert found.rival().network == found.student.network
    erde = parsed(erde={"method": "erde", "train": own})
    assert erde.rival().train == erde.student.train


def test_results_name_what_differs():
    found = parsed(kd=kd(), mine=kd({"schedule": "cosine", "kd_warmup": 2, "momentum": 0.9}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        variants = json.loads(json.dumps(found.named()))["variants"]
        assert json.loads(found.model_dump_json())["variants"]["kd"]["train"] == {}
    assert "train" not in variants["kd"]
    assert variants["mine"]["train"] == {"schedule": "cosine", "kd_warmup": 2.0}
    assert described(variants["mine"]["train"]) == "schedule cosine, kd_warmup 2"
    assert found.with_exits(ExitCounts(4)).variants["mine"].train == found.variants["mine"].train
