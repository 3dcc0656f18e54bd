import json

import pytest
import torch

from erde.experiment.exit_counts import ExitCounts
from erde.experiment.schema import parse_experiment
from erde.running import estimate as estimate_module
from erde.running.estimate import announce, estimate
from erde_torch.device import NoRoomError
from erde_torch.training.data import network_card

WIDTH = 1 / 16
NETWORK = {"name": "resnet10", "width": WIDTH}


def experiment(**changes):
    keys = {
        "dataset": {"name": "digits"},
        "augment": {"pad": 1, "flip": True},
        "teacher": {
            "network": {"name": "resnet18", "width": WIDTH},
            "train": {"epochs": 7, "batch_size": 8},
        },
        "student": {"network": NETWORK, "train": {"epochs": 3, "batch_size": 8}},
        "seeds": [0, 1],
        "variants": {"ce": {"method": "ce"}, "erde": {"method": "erde"}},
    }
    return parse_experiment(keys | changes, "x.yaml")


@pytest.fixture
def seconds(monkeypatch):
    """Pretends times per image: teacher's step 100 s, its answer 10 s, student's step 1 s."""

    def pretend(network, dataset, train, device, backward):
        if train.epochs == 7:
            return 100.0 if backward else 10.0
        return 1.0

    monkeypatch.setattr(estimate_module, "_seconds_per_image", pretend)


def parameters(dataset, network):
    built = network_card(dataset, "", network, "float32").build()
    return sum(parameter.numel() for parameter in built.parameters())


def test_arithmetic(seconds, tiny_dataset, environment):
    exp = experiment()
    found = estimate(tiny_dataset, exp, environment().device)
    assert found["teacher_seconds"] == 7 * 120 * 100
    assert found["cache_seconds"] == 18 * 120 * 10
    assert found["students_seconds"] == 4 * 3 * 120 * 1
    big, small = (parameters(tiny_dataset, part.network) for part in (exp.teacher, exp.student))
    weights = 3 * 4 * (big + 4 * small)  # the weights; in the checkpoint weights and momentum
    assert found["disk_bytes"] == 18 * 120 * 4 * 10 * 2 + weights


def test_a_variants_own_epochs_count(seconds, tiny_dataset, environment):
    long = {"method": "ce", "train": {"epochs": 30}}
    exp = experiment(variants={"ce": {"method": "ce"}, "long": long})
    found = estimate(tiny_dataset, exp, environment().device)
    assert found["students_seconds"] == 2 * (3 + 30) * 120 * 1


def test_a_variants_own_batch_is_timed_and_named(monkeypatch, tiny_dataset, environment):
    def pretend(network, dataset, train, device, backward):
        if train.batch_size == 64:
            raise torch.OutOfMemoryError
        return 1.0

    monkeypatch.setattr(estimate_module, "_seconds_per_image", pretend)
    large = {"method": "ce", "train": {"batch_size": 64}}
    exp = experiment(variants={"ce": {"method": "ce"}, "large": large})
    with pytest.raises(NoRoomError, match=r"variants\.large\.train\.batch_size"):
        estimate(tiny_dataset, exp, environment().device)


@pytest.mark.parametrize(
    ("changes", "views"),
    [
        ({"cache": {"views": 5}}, 5),
        ({"variants": {"ce": {"method": "ce"}}}, 0),
        ({"variants": {"kd": {"method": "kd", "teacher": "online"}}}, 0),
    ],
)
def test_views_that_are_cached(seconds, tiny_dataset, environment, changes, views):
    found = estimate(tiny_dataset, experiment(**changes), environment().device)
    assert found["cache_seconds"] == views * 120 * 10


def test_a_given_teacher_costs_nothing_but_students_keep_its_cache(
    seconds, tiny_dataset, environment
):
    exp = experiment(teacher={"onnx": "t.onnx"}).with_exits(ExitCounts(1))
    found = estimate(tiny_dataset, exp, environment().device)
    assert (found["teacher_seconds"], found["cache_seconds"]) == (0, 0)
    assert found["cache_bytes"] == 18 * 120 * 1 * 10 * 2


def test_folds_cost_a_teacher_each(seconds, tiny_dataset, environment):
    teacher = {"train": {"epochs": 7}, "network": NETWORK, "folds": 3}
    found = estimate(tiny_dataset, experiment(teacher=teacher), environment().device)
    assert found["teacher_seconds"] == 4 * 7 * 120 * 100  # and the one that is plotted


def test_measured_times_are_times(tiny_dataset, environment):
    found = estimate(tiny_dataset, experiment(), environment().device)
    assert found.pop("student_device_bytes") == 0  # of a GPU, and there is none
    assert all(seconds > 0 for seconds in found.values())


def test_told_once_per_experiment(tiny_dataset, environment, seconds, said, tmp_path):
    for _ in range(2):
        announce(tiny_dataset, experiment(), tmp_path, environment())
    assert len(said) == 2
    assert said[0] == (
        "estimate for this device: teacher 23:20:00, cache 6:00:00, students 24:00; "
        "29.73 h if nothing runs side by side"
    )
    assert said[1].startswith("estimate of disk: 0.00 GB of ")
    assert json.loads((tmp_path / "estimate.json").read_text())["cache_seconds"] == 21600
    announce(tiny_dataset, experiment(seeds=[5]), tmp_path, environment())
    assert len(said) == 4


@pytest.mark.parametrize(("device", "named"), [("auto", True), ("cpu", False)])
def test_without_a_gpu_the_experiment_for_a_cpu_is_named(
    tiny_dataset, environment, seconds, said, tmp_path, device, named
):
    """Not to who asked for the CPU."""
    asked = tiny_dataset, experiment(device=device), tmp_path, environment()
    announce(*asked, for_cpu="x_quick")
    wanted = "; no GPU was found: x_quick is the experiment for a CPU"
    assert said[0].endswith(wanted if named else "runs side by side")


def test_too_small_a_disk_stops_before_anything(tiny_dataset, environment, seconds, small_disk):
    folder = small_disk(size=256 * 1024)
    rule = r"the run needs 0\.00 GB of free disk, got 0\.00 GB"
    for _ in range(2):
        with pytest.raises(OSError, match=rule):
            announce(tiny_dataset, experiment(), folder, environment())
        assert not (folder / "estimate.json").exists()


def test_a_cache_that_is_there_is_not_asked_for_again(
    tiny_dataset, environment, seconds, tmp_path, monkeypatch
):
    """As after a seed was added, or on another machine of a cluster."""
    found = estimate(tiny_dataset, experiment(), environment().device)
    free = int(found["disk_bytes"] - found["cache_bytes"] / 2)
    usage = estimate_module.shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(estimate_module.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match="of free disk"):
        announce(tiny_dataset, experiment(), tmp_path, environment())
    (tmp_path / "teacher_logits.h5").write_bytes(bytes(int(found["cache_bytes"])))
    announce(tiny_dataset, experiment(), tmp_path, environment())


def test_what_only_a_process_can_tell_is_asked_once_for_an_estimate(
    tiny_dataset, environment, seconds, tmp_path
):
    asked = []

    def fit(parsed):
        asked.append(parsed)
        return parsed

    for _ in range(2):
        announce(tiny_dataset, experiment(), tmp_path, environment(), fit=fit)
    assert len(asked) == 1


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"3", b"\xff", b"{}"])
def test_a_damaged_estimate_is_made_anew(
    tiny_dataset, environment, seconds, said, tmp_path, damage
):
    announce(tiny_dataset, experiment(), tmp_path, environment())
    whole = (tmp_path / "estimate.json").read_bytes()
    (tmp_path / "estimate.json").write_bytes(damage)
    announce(tiny_dataset, experiment(), tmp_path, environment())
    assert len(said) == 4  # told once more
    assert (tmp_path / "estimate.json").read_bytes() == whole
