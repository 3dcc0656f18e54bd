"""Networks that do not take the images, and files that do not fit networks, before any job."""

import json
import subprocess

import pytest
import torch
import torchvision

from erde.datasets.source import Facts
from erde.running.asking import network_fit
from erde.running.asking.network_fit import check_networks, check_placed
from erde.running.asking.questions import Questions
from erde_core.errors import ErdeError
from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.shapes_only import shapes_only
from erde_torch.networks.table import family_of, known_names
from tests.erde.running.asking.test_fitted import experiment

THIN = {"name": "resnet10", "width": 0.0625}
DEEP = THIN | {"stem": "imagenet"}  # 16 pixels become 4, 2, 1, 1
EPOCH = {"train": {"epochs": 1}}


class Here(Questions):
    """Asks this very process, which has PyTorch loaded already."""

    def ask(self, about, words):
        return network_fit.answer(**json.loads(json.dumps(words)))


def with_variant(network):
    return {"variants": {"a": {"method": "kd", "network": network}}}


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"student": EPOCH | {"network": DEEP}}, "student.network"),
        ({"teacher": EPOCH | {"network": DEEP}}, "teacher.network"),
        (with_variant(DEEP), "variants.a.network"),
        (with_variant({"cascade": [THIN, DEEP]}), "variants.a.network.cascade.1"),
    ],
)
def test_a_network_too_deep_for_the_images_is_named(keys, place):
    with pytest.raises(ErdeError) as caught:
        check_networks(experiment(**keys), Here())
    rule = "images must leave at least 2×2 pixels at every early exit, got 1×1"
    assert str(caught.value) == f"{place}: {rule}"


@pytest.mark.parametrize("change", [{"head": "conv"}, {"head_pool": "avg2"}])
def test_tokens_have_no_head_of_feature_maps(change):
    """Else two variants that differ in nothing but this would be compared as two."""
    pytest.importorskip("timm")
    vit = {"name": "timm/test_vit"}
    data = {"name": "digits", "train_images": 200, "canvas": 32}
    (key, value), cascade = *change.items(), {"cascade": [THIN, vit | change]}
    for network, place in ((vit | change, "network"), (cascade, "network.cascade.1")):
        rule = rf"^variants\.a\.{place}\.{key} must be left out where timm/test_vit gives tokens"
        with pytest.raises(ErdeError, match=rf"{rule}: nothing reads it, got '{value}'$"):
            check_networks(experiment(dataset=data, **with_variant(network)), Here())
    kept = {"dataset": data} | with_variant(vit | {"head_dropout": 0.1})
    check_networks(experiment(**kept), Here())
    maps = {"dataset": data} | with_variant({"name": "timm/resnet10t"} | change)
    check_networks(experiment(**maps), Here())


def test_a_timm_network_is_held_to_the_images_too():
    pytest.importorskip("timm")
    keys = with_variant({"name": "timm/vit_tiny_patch16_224"})
    small = experiment(dataset={"name": "digits", "train_images": 200, "canvas": 24}, **keys)
    with pytest.raises(ErdeError, match=r"^variants\.a\.network: images must have sides that are"):
        check_networks(small, Here())


@pytest.fixture
def nobody_to_ask(monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)


@pytest.mark.usefixtures("nobody_to_ask")
@pytest.mark.parametrize("keys", [{}, with_variant(DEEP | {"exits": []}), with_variant(THIN)])
def test_nobody_is_asked_where_the_table_tells(keys):
    check_networks(experiment(**keys), Questions())


@pytest.mark.usefixtures("nobody_to_ask")
def test_a_students_network_that_no_variant_takes_is_not_held_to_anything():
    student = {"student": EPOCH | {"network": DEEP | {"weights": "nowhere.pth"}}}
    check_networks(experiment(**student, **with_variant(THIN)), Questions())


class _AskedError(Exception):
    pass


class _Asking(Questions):
    def ask(self, about, words):
        raise _AskedError


@pytest.mark.parametrize("stem", ["small", "imagenet"])
@pytest.mark.parametrize("name", known_names())
def test_the_table_tells_what_networks_do(name, stem, monkeypatch):
    """Who has one pixel more than the last early exit's maps are smaller keeps 2×2 of them."""
    network = NetworkSettings(name=name, stem=stem, width=0.0625)
    shrinks = family_of(name).shrinks[stem]
    assert len(shrinks) == network.exit_count

    def check(side):
        facts = Facts(train=9, val=9, test=9, height=side, width=99, channels=3, classes=2)
        monkeypatch.setattr(network_fit, "facts_or_none", lambda _: facts)
        check_placed(experiment(), [("here", network)], _Asking())
        with shapes_only():
            build_network(network, 2, (3, side, 99))

    check(shrinks[-2] + 1)
    with pytest.raises(_AskedError):
        check(shrinks[-2])
    with shapes_only(), pytest.raises(ErdeError, match="at least 2×2 pixels at every early exit"):
        build_network(network, 2, (3, shrinks[-2], 99))


@pytest.mark.parametrize(("part", "who"), [("student", Questions), ("teacher", Here)])
def test_a_file_of_another_network_is_refused_with_its_key(part, who, tmp_path):
    path = tmp_path / "tv.pth"
    torch.save(torchvision.models.resnet18(num_classes=10).state_dict(), path)
    keys = {part: EPOCH | {"network": {"name": "resnet18", "weights": str(path)}}}
    with pytest.raises(ErdeError) as caught:
        check_networks(experiment(**keys), who())
    rule = f"{part}.network.weights must be those of the network, got in {path}: stem.0.weight none"
    assert str(caught.value).startswith(rule)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("nobody_to_ask")
@pytest.mark.parametrize("name", ["nowhere.pth", "."])
def test_a_file_that_is_not_there_is_refused_with_its_key(name):
    keys = with_variant({"cascade": [THIN, THIN | {"width": 0.25, "weights": name}]})
    rule = r"^variants\.a\.network\.cascade\.1\.weights must be a file that can be read, got "
    with pytest.raises(ErdeError, match=rule):
        check_networks(experiment(**keys), Questions())


def test_a_file_that_fits_is_opened_once(tmp_path, monkeypatch):
    path, kept = tmp_path / "mine.pt", tmp_path / "kept"
    network = build_network(NetworkSettings(**THIN), 10, (3, 16, 16))
    body = {n: t for n, t in network.state_dict().items() if not n.startswith("heads.")}
    torch.save(body, path)
    asked = experiment(student=EPOCH | {"network": THIN | {"weights": str(path)}})
    check_networks(asked, Questions(kept, "1"))
    started = []
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: started.append(a) or 1 / 0)
    check_networks(asked, Questions(kept, "1"))
    assert not started
    torch.save(body | {"more": torch.zeros(1)}, path)
    with pytest.raises(ZeroDivisionError):
        check_networks(asked, Questions(kept, "1"))
