"""What only PyTorch or ONNX can tell is asked before any job, once, and refused in a sentence."""

import copy
import subprocess

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from erde.experiment.schema import parse_experiment
from erde.running.asking.fitted import fitted
from erde.running.asking.questions import Questions
from erde.running.asking.teacher_facts import taught_data
from erde.running.cluster import needs
from erde.running.cluster.needs import cache_bytes, facts_or_none, memory_mb

KEYS = {
    "dataset": {"name": "digits", "train_images": 200, "canvas": 16},
    "augment": {"pad": 1, "flip": False},
    "teacher": {"train": {"epochs": 1}},
    "student": {"network": {"name": "resnet10", "width": 0.0625}, "train": {"epochs": 1}},
    "seeds": [0],
    "variants": {"erde": {"method": "erde"}},
}


def experiment(**keys):
    return parse_experiment(copy.deepcopy(KEYS) | keys, "x.yaml")


@pytest.fixture(scope="module")
def resnet18(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(torchvision.models.resnet18(num_classes=10).state_dict(), path)
    return {"network": {"name": "resnet18"}, "trained": str(path)}


@pytest.mark.usefixtures("answered_here")
def test_a_plain_classifier_has_one_exit_that_all_exits_hear(resnet18, tmp_path):
    questions = Questions(tmp_path / "kept", "1")
    found, facts = fitted(experiment(teacher=resnet18), questions)
    assert (facts.exits, facts.counted, found.exits.teacher) == (1, True, 1)
    loss = found.variants["erde"].loss
    assert (loss.target_from, loss.right_from) == ("last", "last")
    assert cache_bytes(found, facts_or_none(found)) == 9 * 1200 * 1 * 10 * 2
    assert memory_mb(found, "cache", questions) > 3000
    with pytest.raises(ValueError, match=r"^variants.own: target_from and right_from must be"):
        fitted(
            experiment(teacher=resnet18, variants={"own": {"method": "kd", "target_from": "exit"}}),
            questions,
        )


def test_an_answer_is_kept_until_file_or_code_change(resnet18, tmp_path, monkeypatch):
    asked = experiment(teacher=resnet18)
    fitted(asked, Questions(tmp_path / "kept", "1"))
    started = []
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: started.append(a) or 1 / 0)
    assert fitted(asked, Questions(tmp_path / "kept", "1"))[1].exits == 1
    assert not started
    for questions in (Questions(tmp_path / "kept", "2"), Questions()):
        with pytest.raises(ZeroDivisionError):
            fitted(asked, questions)
    kept = list((tmp_path / "kept").iterdir())
    assert len(kept) == 2  # and once more for a time when the images cannot be read
    for path in kept:
        path.write_text("{", encoding="utf-8")
    with pytest.raises(ZeroDivisionError):
        fitted(asked, Questions(tmp_path / "kept", "1"))


def test_nothing_is_asked_of_networks_that_the_table_knows(monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    found, facts = fitted(experiment(), Questions())
    assert (facts, found.exits.teacher) == (None, 4)


@pytest.mark.usefixtures("answered_here")
@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        (
            {"student": {"network": {"name": "timm/resnet19"}, "train": {"epochs": 1}}},
            r"^student.network.name must be a model that timm \S+ has, such as (timm/\w+, ){4}timm",
        ),
        (
            {
                "teacher": {
                    "network": {"name": "timm/resnet18", "exits": [5]},
                    "train": {"epochs": 1},
                }
            },
            r"^teacher.network.exits must be stages 0 … 3 of timm/resnet18",
        ),
        (
            {"variants": {"erde": {"method": "erde", "exit_weights": [1, 1, 1]}}}
            | {
                "student": {
                    "network": {"name": "timm/resnet18", "exits": [0]},
                    "train": {"epochs": 1},
                }
            },
            r"^variants.erde: exit_weights must have one number per exit \(2\)",
        ),
        (
            {"variants": {"a": {"method": "kd", "network": {"name": "timm/resnet19"}}}},
            r"^variants.a.network.name must be a model that timm \S+ has",
        ),
        (
            {
                "variants": {
                    "a": {
                        "method": "kd",
                        "network": {
                            "cascade": [
                                {"name": "resnet10"},
                                {"name": "timm/resnet18", "exits": [5]},
                            ]
                        },
                    }
                }
            },
            r"^variants.a.network.cascade.1.exits must be stages 0 … 3 of timm/resnet18",
        ),
        (
            {"teacher": {"network": {"name": "resnet18"}, "trained": "nowhere.pth"}},
            r"^teacher.trained must be a file that can be read, got 'nowhere.pth' \(No such file",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence_with_its_place(keys, rule):
    pytest.importorskip("timm")
    with pytest.raises(ValueError, match=rule) as caught:
        fitted(experiment(**keys), Questions())
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("answered_here")
def test_networks_of_variants_are_asked_too():
    pytest.importorskip("timm")
    early, alone = ({"name": "timm/resnet18", "exits": exits} for exits in ([0], [3]))
    thin = {"name": "resnet10", "exits": []}
    variants = {
        "early": {"method": "kd", "network": early},
        "both": {"method": "kd", "network": {"cascade": [thin, alone]}, "exit_weights": [1, 2]},
    }
    found, _ = fitted(experiment(variants=variants), Questions())
    assert found.taught_by() == {"early": [-1, -1], "both": [-1, -1]}
    heard = {(t.loss.target_from, t.loss.right_from) for t in found.trainings().values()}
    assert heard == {("last", "last")}


def test_weights_of_another_network_are_refused_before_any_job(resnet18):
    teacher = resnet18 | {"network": {"name": "resnet34"}}
    rule = r"^teacher.trained must hold the weights of resnet34, got in \S+: layer1.2.conv1.weight"
    with pytest.raises(ValueError, match=rule):
        fitted(experiment(teacher=teacher), Questions())


@pytest.mark.usefixtures("answered_here")
def test_rows_of_answers_follow_the_sorted_files(tmp_path):
    """Of one's own folder, in grey: its channels are looked up too."""
    for part, count in (("train", 5), ("test", 2)):
        for name in ("cat", "dog"):
            folder = tmp_path / "images" / part / name
            folder.mkdir(parents=True)
            for n in range(count):
                Image.new("L", (16, 16), 20 * n).save(folder / f"{n}.png")
    folder = {"name": "folder", "path": str(tmp_path / "images"), "image_size": [16, 16]}
    for name, rows in (("rows", 10), ("test", 4)):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(0).normal(size=(rows, 2)))
    names = [f"train/{name}/{n}.png" for name in ("cat", "dog") for n in range(5)]
    (tmp_path / "names.txt").write_text("\n".join(names), encoding="utf-8")
    paths = {"logits": "rows.npy", "test_logits": "test.npy", "names": "names.txt"}
    teacher = {key: str(tmp_path / name) for key, name in paths.items()}
    asked = experiment(dataset=folder | {"validation": 4}, teacher=teacher)
    found, facts = fitted(asked, Questions())
    assert (facts.exits, found.cache.views) == (1, 1)
    (tmp_path / "names.txt").write_text("\n".join(names[::-1]), encoding="utf-8")
    rule = (
        r"^teacher.logits must have the images class by class, .*, got 'train/dog/4.png' in row 0"
    )
    with pytest.raises(ValueError, match=rule):
        fitted(asked, Questions())


def photographs(folder, mode):
    """``mode`` of the first image of the first class; all others are grey."""
    for part, count in (("train", 5), ("test", 2)):
        for name in ("cat", "dog"):
            (folder / part / name).mkdir(parents=True)
            for n in range(count):
                last = (part, name, n) == ("test", "dog", 1)
                Image.new(mode if last else "LA", (16, 16)).save(folder / part / name / f"{n}.png")
    return {"name": "folder", "path": str(folder), "image_size": [16, 16], "validation": 4}


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1)])
def test_a_teacher_must_take_the_channels_that_all_images_come_to(mode, channels, tmp_path):
    """A grey photograph beside coloured ones is taken for colour; alpha adds none."""
    dataset = photographs(tmp_path / "images", mode) | {"resize": "crop"}
    assert taught_data(experiment(dataset=dataset)).image_shape == (channels, 16, 16)


@pytest.mark.usefixtures("answered_here")
def test_while_images_cannot_be_read_a_teacher_is_what_it_was(tmp_path):
    """Else its students would be planned anew, to hear exits that it does not have."""
    weights = tmp_path / "two.pth"
    torch.save(torchvision.models.resnet18(num_classes=2).state_dict(), weights)
    teacher = {"network": {"name": "resnet18"}, "trained": str(weights)}
    dataset = photographs(tmp_path / "images", "RGB") | {"resize": "crop"}
    asked = experiment(dataset=dataset, teacher=teacher)
    kept = tmp_path / "kept"
    there, facts = fitted(asked, Questions(kept, "1"))
    needs._facts.cache_clear()
    (tmp_path / "images").rename(tmp_path / "away")
    assert fitted(asked, Questions(tmp_path / "other", "1"))[1] is None
    away, same = fitted(asked, Questions(kept, "1"))
    assert (same, away.exits, away.variants) == (facts, there.exits, there.variants)
    assert away.variants["erde"].loss.target_from == "last"
