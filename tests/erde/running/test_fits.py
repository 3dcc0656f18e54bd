"""What this machine's memory cannot hold is refused before any job, and nothing else is."""

import dataclasses

import pytest

from erde.experiment.schema import parse_experiment
from erde.running.asking.step_memory import Device, Step
from erde.running.fits import Room, check_memory
from erde_core.errors import ErdeError

STEP = Step(weights=10**7, image_bytes=10**7, image_operations=10**10)
SPOKEN = ("auto", "float32", "bf16")
CPU = Device(memory_bytes=0, precision="float32", operations_per_second=dict.fromkeys(SPOKEN, 1e11))
GPU = Device(
    memory_bytes=4 * 10**9, precision="float32", operations_per_second=dict.fromkeys(SPOKEN, 1e13)
)


class Told:
    """Questions whose answers are known: the same step for every network."""

    def __init__(self, device=CPU):
        self.device, self.asked = device, []

    def ask(self, about, words):
        assert about == "step_memory"
        self.asked += [network["name"] for network in words["networks"]]
        steps = [dataclasses.asdict(STEP)] * len(words["networks"])
        return {"steps": steps, "device": dataclasses.asdict(self.device)}


def experiment(teacher=None, student=None, folds=1, **keys):
    train = {"epochs": 10} | (teacher or {})
    given = {
        "dataset": {"name": "cifar10"},
        "teacher": {"network": {"name": "resnet18"}, "train": train, "folds": folds},
        "student": {"network": {"name": "resnet10"}, "train": {"epochs": 1} | (student or {})},
        "seeds": [0],
        "variants": {"erde": {"method": "erde"}},
    }
    return parse_experiment(given | keys, "x")


def check(folder, asked, memory, told=None, on_gpu=False):
    return check_memory(asked, folder, Room(int(memory), on_gpu), told or Told())


def refused(folder, asked, memory, told=None, on_gpu=False):
    with pytest.raises(ErdeError) as caught:
        check(folder, asked, memory, told, on_gpu)
    return str(caught.value)


def made(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "weights.safetensors").touch()


@pytest.mark.parametrize(("part", "name"), [("teacher", "resnet18"), ("student", "resnet10")])
def test_a_batch_that_no_memory_holds_is_refused_with_the_one_that_fits(tmp_path, part, name):
    # weights and momentum 80 MB, and 10 MB for each image
    said = refused(tmp_path, experiment(**{part: {"batch_size": 1000}}), 5 * 10**9)
    assert said == (
        f"{part}: batch_size 1000 of {name} × width 1 at 32 × 32 pixels must fit into this "
        "machine's 5,000 MB of memory, got at least 10,080 MB: take a batch_size of at most 492, "
        "a smaller width, smaller images, another network, or a cluster"
    )
    check(tmp_path, experiment(**{part: {"batch_size": 492}}), 5 * 10**9)
    assert "at most 492" in refused(tmp_path, experiment(**{part: {"batch_size": 493}}), 5 * 10**9)


def test_a_variants_own_batch_is_looked_at_and_named(tmp_path):
    own = {"erde": {"method": "erde"}, "large": {"method": "kd", "train": {"batch_size": 1000}}}
    said = refused(tmp_path, experiment(variants=own), 5 * 10**9)
    assert said.startswith("variants.large: batch_size 1000 of resnet10 × width 1 at 32 × 32")
    made(tmp_path, "large/seed0")
    check(tmp_path, experiment(variants=own), 5 * 10**9)


def test_where_no_batch_fits_none_is_advised(tmp_path):
    said = refused(tmp_path, experiment(), 99_000_000, Told())
    assert said.startswith("dataset: preparing it must fit into this machine's 99 MB of memory")
    (tmp_path / "data.h5").touch()
    said = refused(tmp_path, experiment(), 99_000_000)
    assert said.endswith("MB: take a smaller width, smaller images, another network, or a cluster")
    assert "at most 2," in refused(tmp_path, experiment(), 100_000_000)


def test_main_memory_is_shared_by_all_processes(tmp_path):
    """Each has its own weights; a batch they share."""
    two = {"batch_size": 1000, "processes": 2}
    said = refused(tmp_path, experiment(student=two), 10 * 10**9)
    assert "got at least 10,160 MB: take a batch_size of at most 984," in said
    check(tmp_path, experiment(student=two), 10_160_000_000)
    odd = {"batch_size": 999, "processes": 3}
    assert "at most 975," in refused(tmp_path, experiment(student=odd), 10**10)  # not 976


def test_each_process_has_a_gpu_of_its_own(tmp_path):
    told, memory = Told(GPU), 10**12
    large = {"batch_size": 1000}
    assert "this GPU's 4,000 MB" in refused(tmp_path, experiment(student=large), memory, told, True)
    two = experiment(student=large | {"processes": 2})
    said = refused(tmp_path, two, memory, told, True)
    assert "got at least 5,080 MB: take a batch_size of at most 784," in said
    four = experiment(student=large | {"processes": 4})
    check(tmp_path, four, memory, told, on_gpu=True)


def test_what_may_keep_less_is_not_refused(tmp_path):
    """bfloat16 halves what is kept, a compiled graph may keep nothing; Adam keeps more."""
    for keys, least in [
        ({}, 10_080),
        ({"precision": "bf16"}, 5_080),
        ({"momentum": 0.0}, 10_040),
        ({"ema_decay": 0.9}, 10_120),
        ({"optimiser": "adamw", "learning_rate": 0.001}, 10_120),
    ]:
        asked = experiment(student=keys | {"batch_size": 1000})
        assert f"got at least {least:,} MB" in refused(tmp_path, asked, least * 10**6 - 1)
        check(tmp_path, asked, least * 10**6)
    check(tmp_path, experiment(student={"batch_size": 1000, "compile": True}), 2 * 10**9)
    half = Told(dataclasses.replace(CPU, precision="bf16"))
    large = experiment(student={"batch_size": 1000})
    assert "at least 5,080 MB" in refused(tmp_path, large, 5 * 10**9, half)


def test_what_surely_fits_is_not_counted(tmp_path):
    told = Told()
    assert check(tmp_path, experiment(), 20 * 10**9, told) == []
    assert told.asked == []
    check(tmp_path, experiment(), 4 * 10**9, told)
    assert told.asked == ["resnet18", "resnet10"]


def test_of_large_batches_memory_and_time_are_said(tmp_path):
    asked = experiment(teacher={"batch_size": 2000})
    # 10 epochs of 45,000 images of 10 G operations at 100 G per second
    assert check(tmp_path, asked, 10**12) == [
        "teacher: at least 20.08 GB in batches of 2000, and about 12:30:00 for 10 epochs"
    ]


def test_of_a_gpu_that_another_job_fills_nothing_is_refused_but_what_cannot_fit(tmp_path):
    """Its time is unknown, and so may its memory be."""
    filled = dataclasses.replace(GPU, operations_per_second={})
    asked = experiment(teacher={"batch_size": 2000, "processes": 10})
    assert check(tmp_path, asked, 10**12, Told(filled), on_gpu=True) == [
        "teacher: at least 2.08 GB in batches of 2000, and an unknown time for 10 epochs: "
        "the GPU could not be timed"
    ]
    asked = experiment(teacher={"batch_size": 2000})
    assert "this GPU's 4,000 MB" in refused(tmp_path, asked, 10**12, Told(filled), on_gpu=True)
    silent = dataclasses.replace(filled, memory_bytes=None)
    assert len(check(tmp_path, asked, 10**9, Told(silent), on_gpu=True)) == 1


def test_the_time_is_that_of_the_trainings_precision(tmp_path):
    speeds = {"auto": 1e11, "float32": 5e10}
    told = Told(dataclasses.replace(CPU, operations_per_second=speeds))
    for keys, time in (({}, "12:30:00"), ({"precision": "float32"}, "25:00:00")):
        asked = experiment(teacher={"batch_size": 2000} | keys)
        assert f"about {time} for" in check(tmp_path, asked, 10**12, told)[0]


def test_what_is_made_is_not_asked_about(tmp_path):
    told = Told()
    made(tmp_path, "teacher", "erde/seed0")
    check(tmp_path, experiment(teacher={"batch_size": 1000}), 10**9, told)
    assert told.asked == []
    check(tmp_path, experiment(seeds=[0, 1]), 4 * 10**9, told)
    assert told.asked == ["resnet10"]


def test_every_network_that_is_trained_is_asked_about(tmp_path):
    """A variant's own one, the members of a cascade, and a fold's teacher."""
    told = Told()
    members = [{"name": "wrn16_1"}, {"name": "resnet10"}]
    variants = {
        "kd": {"method": "kd"},
        "wide": {"method": "kd", "network": {"name": "wrn16_2"}},
        "both": {"method": "kd", "network": {"cascade": members}},
    }
    made(tmp_path, "teacher", "teacher/fold0")
    asked = experiment(folds=2, variants=variants)
    check(tmp_path, asked, 3 * 10**9, told)
    assert sorted(told.asked) == ["resnet10", "resnet18", "wrn16_1", "wrn16_2"]


def test_a_cache_that_no_memory_holds_is_refused(tmp_path):
    many = {"name": "cifar100", "validation": 5000}
    asked = experiment(dataset=many)
    (tmp_path / "data.h5").touch()
    made(tmp_path, "teacher", "erde/seed0")
    need = 45_000 * 4 * 100 * 2  # images, exits, classes, float16
    said = refused(tmp_path, asked, need - 1)
    assert said.startswith("cache: the answers to one view must fit into this machine's 35 MB")
    check(tmp_path, asked, need)
    (tmp_path / "teacher_logits.h5").touch()
    check(tmp_path, asked, need - 1)
