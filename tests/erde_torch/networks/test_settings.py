"""What a network's settings mean, and what they refuse."""

import dataclasses
import json

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.schema import parse_experiment
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import part_macs
from erde_torch.networks.settings import NetworkSettings, exit_places

SHAPE = (3, 32, 32)


def test_exits_are_places_in_order_of_cost():
    blocks = (3, 4, 6, 3)
    assert exit_places("it", None, blocks) == ((0, 2), (1, 3), (2, 5), (3, 2))
    assert exit_places("it", [0, "2.1"], blocks) == ((0, 2), (2, 1), (3, 2))
    assert exit_places("it", [0, 3], blocks) == exit_places("it", [0], blocks)  # the end is there
    assert exit_places("it", [], blocks) == ((3, 2),)


@pytest.mark.parametrize(
    ("exits", "count"), [(None, 4), ([0, 1], 3), (["1.0"], 2), ([], 1), ([0, 1, 2, 3], 4)]
)
def test_the_network_has_the_exits_that_its_settings_count(exits, count):
    settings = NetworkSettings(name="resnet18", width=1 / 16, exits=exits)
    network = build_network(settings, 5, SHAPE)
    assert network.exit_count == settings.exit_count == count
    assert sum(len(stage) for stage in network.stages) == 8


def test_only_pytorch_counts_the_exits_of_a_timm_model():
    assert NetworkSettings(name="timm/resnet18").exit_count is None


@pytest.mark.parametrize(
    ("shape", "stem", "pool"),
    [((3, 64, 32), "small", "avg2"), ((1, 24, 65), "imagenet", "adaptive2")],
)
def test_auto_is_decided_by_the_larger_side(shape, stem, pool):
    found = NetworkSettings(name="resnet10").resolved(shape)
    assert (found.stem, found.head_pool) == (stem, pool)
    assert found.resolved(SHAPE) == found
    kept = NetworkSettings(name="resnet10", stem="small", head_pool="avg2")
    assert kept.resolved(shape) == kept


def test_a_card_gives_the_same_settings_back():
    settings = NetworkSettings(name="resnet34", exits=[0, "2.3"], weights="start.safetensors")
    read = json.loads(json.dumps(settings.described()))
    assert read == settings.described()
    assert NetworkSettings(**read) == dataclasses.replace(settings, weights=None)


def test_the_content_of_a_file_to_start_from_counts(tmp_path):
    path = tmp_path / "start.pt"
    settings = NetworkSettings(name="resnet10", weights=str(path))
    with pytest.raises(ValueError, match=r"weights must be a file that can be read, got .*No such"):
        settings.start_hash()
    path.write_bytes(b"one")
    first = settings.start_hash()
    path.write_bytes(b"two")
    assert settings.start_hash() != first
    assert NetworkSettings(name="timm/resnet18", weights="pretrained").start_hash() is None
    assert NetworkSettings(name="resnet10").start_hash() is None


REFUSED = [
    ({"name": "resnet11"}, r"name must be one of resnet10, .*, timm/<model>, got 'resnet11'"),
    ({"exits": [4]}, r"exits must be stages 0 … 3 of resnet18, .* got 4"),
    ({"exits": [-1]}, r"exits must be stages 0 … 3 .* got -1"),
    ({"exits": ["1.2"]}, r"\(they have 2, 2, 2, 2 blocks\), got '1\.2'"),
    ({"exits": [1.5]}, r"'stage\.block' in quotes inside them .* got 1\.5"),
    ({"exits": [True]}, r"exits must be stages .* got True"),
    ({"exits": [2, 0]}, r"exits must be in order of their cost, each once, got 2, 0"),
    ({"exits": [1, "1.1"]}, r"exits must be in order of their cost, each once, got 1, 1\.1"),
    (
        {"name": "timm/resnet18", "width": 0.5},
        r"width must be left out for timm/resnet18, got",
    ),
    ({"name": "timm/resnet18", "stem": "small"}, r"stem must be left out for .* got 'small'"),
    (
        {"head": "conv", "head_pool": "avg2"},
        r"head_pool must be left out with head 'conv', got",
    ),
    ({"weights": "pretrained"}, r"weights must be a file for resnet18, got 'pretrained'"),
    ({"width": 0.0}, r"width must be > 0, got 0\.0"),
    ({"head": "mlp"}, r"head must be one of 'linear', 'conv', got 'mlp'"),
]


@pytest.mark.parametrize(("keys", "rule"), REFUSED)
def test_what_breaks_a_rule_is_refused(keys, rule):
    with pytest.raises(ValueError, match=rule):
        NetworkSettings(**{"name": "resnet18"} | keys)


@pytest.mark.parametrize(("keys", "rule"), REFUSED[:7])
def test_in_an_experiment_file_it_is_one_sentence(keys, rule):
    network = {"name": "resnet18"} | keys
    file = {
        "dataset": {"name": "cifar10"},
        "teacher": {"train": {"epochs": 1}},
        "student": {"network": network, "train": {"epochs": 1}},
        "variants": {"ce": {"method": "ce"}},
        "seeds": [0],
    }
    with pytest.raises(ExperimentError, match=rf"student\.network\..*{rule}") as caught:
        parse_experiment(file, "mine.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["resnet10", "wrn16_1", "mobilenetv2", "shufflenetv2"])
def test_images_too_small_for_its_exits_are_refused(name):
    with pytest.raises(ValueError, match=r"at least 2×2 pixels at every early exit, got 1×1"):
        build_network(NetworkSettings(name=name, width=1 / 8), 5, (3, 2, 2))


def test_a_conv_head_costs_at_most_a_quarter_of_what_leads_to_its_exit():
    for name in ("resnet10", "wrn16_2", "mobilenetv2", "shufflenetv2", "resnet8x4"):
        settings = NetworkSettings(name=name, width=0.5, head="conv")
        stages, heads = part_macs(build_network(settings, 10, SHAPE), SHAPE)
        for e in range(len(heads) - 1):
            assert 4 * heads[e] <= stages[: e + 1].sum() + heads[e], (name, e)
