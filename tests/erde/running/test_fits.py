import dataclasses

import pytest
import torch

from erde.datasets.source import Facts
from erde.experiment.schema import parse_experiment
from erde.running import fits
from erde.running.fits import Needed, fitting_sentences
from erde_torch.networks.settings import NetworkSettings

FACTS = Facts(train=1000, val=10, test=10, height=224, width=224, channels=3, classes=10)


def experiment(batch_size=100):
    train = {"epochs": 10, "batch_size": batch_size}
    keys = {
        "dataset": {"name": "digits"},
        "teacher": {"network": {"name": "resnet18"}, "train": train},
        "student": {"network": {"name": "resnet10"}, "train": train},
        "seeds": [0],
        "variants": {"erde": {"method": "erde"}},
    }
    return parse_experiment(keys, "x")


@pytest.fixture
def needed(monkeypatch):
    found = Needed(10**9, 10**7, 10**10, 1e11, 0)
    monkeypatch.setattr(fits, "_asked", lambda networks, facts, device: [found] * len(networks))
    return found


def test_what_fits_is_said_with_its_time(needed):
    said = fitting_sentences(experiment(), FACTS, 4 * 10**9)
    # 10 epochs of 1,000 images of 10 G operations at 100 G per second
    assert said[0] == "teacher: at least 2.00 GB in batches of 100, and about 16:40 for 10 epochs"
    assert said[1].startswith("student: ")


def test_what_does_not_fit_is_refused_with_what_would(needed):
    rule = (
        r"^teacher.train.batch_size: 100 images of 224 × 224 pixels take at least 2.0 GB .* 1.5: "
    )
    with pytest.raises(ValueError, match=rule + "batch_size 50 would fit at width 1"):
        fitting_sentences(experiment(), FACTS, 15 * 10**8)
    with pytest.raises(ValueError, match="no batch would fit"):
        fitting_sentences(experiment(), FACTS, 10**9)


def test_memory_of_the_device_counts_where_it_has_its_own(needed, monkeypatch):
    small = dataclasses.replace(needed, device_bytes=10**9)
    monkeypatch.setattr(fits, "_asked", lambda networks, facts, device: [small] * 2)
    with pytest.raises(ValueError, match=r"this machine has 1.0"):
        fitting_sentences(experiment(), FACTS, 10**12)


def test_kept_bytes_are_those_of_a_real_step():
    """Counted without memory, and with it."""
    settings = NetworkSettings(name="resnet10", width=0.25)
    weights, kept, operations = fits._counted(settings, 10, (3, 64, 64))
    from erde_torch.networks.build import build_network
    from erde_torch.networks.macs import exit_macs

    network = build_network(settings, 10, (3, 64, 64)).train()
    own = {p.data_ptr() for p in network.parameters()}
    seen = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        alive = network(torch.zeros(2, 3, 64, 64))
    del alive
    assert kept == pytest.approx(sum(seen.values()) / 2, rel=0.02)
    assert weights == 16 * sum(p.numel() for p in network.parameters())
    assert operations == 6 * exit_macs(network, (3, 64, 64))[-1]
