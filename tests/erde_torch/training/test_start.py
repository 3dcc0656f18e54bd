"""Trainings start from files: all of it fits, or it is said what does not."""

import dataclasses

import pytest
import torch
from safetensors.torch import save_file

from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.weights import network_hash, write_network
from erde_torch.training.data import network_card
from erde_torch.training.start import starting_network


@pytest.fixture
def card(tiny_dataset, tiny_hash, small_network):
    return network_card(tiny_dataset, tiny_hash, small_network, "float32")


@pytest.fixture
def start(card, small_network):
    """``start(path)``: the hash of what a training starts from."""

    def network(path):
        torch.manual_seed(7)
        settings = dataclasses.replace(small_network, weights=path and str(path))
        return starting_network(card, settings)

    return network


def test_without_a_file_weights_are_random(start, make_network):
    torch.manual_seed(7)
    assert network_hash(start(None)) == network_hash(make_network(seed=7).train())


def test_ours_and_what_people_wrap_around_theirs(start, make_network, card, tmp_path):
    network = make_network(seed=1)
    state = network.state_dict()
    write_network(tmp_path / "ours.safetensors", network, card)
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    torch.save(state, tmp_path / "plain.pth")
    torch.save({"model": parallel, "epoch": 3}, tmp_path / "parallel.pt")
    torch.save({"state_dict": {}, "model_ema": state}, tmp_path / "averaged.pt")
    for file in tmp_path.iterdir():
        assert network_hash(start(file)) == network_hash(network), file.name


def test_heads_may_be_missing(start, make_network, tmp_path):
    network = make_network(seed=1)
    body = {n: t for n, t in network.state_dict().items() if not n.startswith("heads.")}
    save_file(body, tmp_path / "body.safetensors")
    found, fresh = start(tmp_path / "body.safetensors"), start(None)
    assert network_hash(found.stages) == network_hash(network.stages)
    assert network_hash(found.heads) == network_hash(fresh.heads)


class Evil:
    def __reduce__(self):
        return print, ("run",)


def other(network, tmp_path):
    state = network.state_dict()
    first = next(iter(state))
    return {
        "shape.pt": state | {first: torch.zeros(9, 3, 3, 3)},
        "missing.pt": {n: t for n, t in state.items() if n != first},
        "more.pt": state | {"fc.weight": torch.zeros(2)},
        "all.pt": {"a": torch.zeros(1)},
        "code.pt": {"model": Evil()},
        "list.pt": [1, 2],
    }


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("shape.pt", r"got in .*: stem\.0\.weight \(9, 3, 3, 3\) for \(4, 3, 3, 3\)$"),
        ("missing.pt", r"stem\.0\.weight none for \(4, 3, 3, 3\)$"),
        ("more.pt", r"fc\.weight \(2,\) for none$"),
        ("all.pt", r"stem\.0\.weight none .*, stem\.1\.weight none .* \(and \d+ more\)$"),
        ("code.pt", r"weights must be a file of tensors alone, got .*code\.pt"),
        ("list.pt", r"weights must be a mapping of names to tensors, got another in .*list\.pt"),
        ("none.pt", r"weights must be a file or 'pretrained', got .*none\.pt"),
    ],
)
def test_what_does_not_fit_is_named(start, make_network, tmp_path, name, rule, capsys):
    for file, held in other(make_network(), tmp_path).items():
        torch.save(held, tmp_path / file)
    with pytest.raises(ValueError, match=rule) as caught:
        start(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert "run" not in capsys.readouterr().out


def test_published_weights_that_cannot_be_had(card, monkeypatch):
    timm = pytest.importorskip("timm")

    def offline(name, **options):
        assert options["pretrained"]
        raise RuntimeError("no network\nat all")

    monkeypatch.setattr(timm, "create_model", offline)
    settings = NetworkSettings(name="timm/resnet18", weights="pretrained")
    with pytest.raises(OSError, match=r"weights of timm/resnet18 cannot be had: no network$"):
        starting_network(card, settings)
