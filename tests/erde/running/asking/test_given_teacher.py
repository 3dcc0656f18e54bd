"""A teacher that is there already sees photographs as students do, with room for crops or not."""

import numpy as np
import pytest
import torch

from erde.datasets.folder import prepare_file
from erde.experiment.schema import parse_experiment
from erde.running.asking.given_teacher import bring_teacher
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.teachers.file import read_teacher
from tests.erde.datasets.photographs.test_awkward_folders import tidy

CPU = torch.device("cpu")
NETWORK = {"name": "resnet10", "width": 1 / 16}
CROPS = {"crops": {"scale": [0.35, 1]}, "flip": True}


def weights(folder):
    network = build_network(NetworkSettings(**NETWORK), 4, (3, 12, 12))
    torch.save(network.state_dict(), folder / "weights.pth")
    return {"network": NETWORK, "trained": str(folder / "weights.pth")}


def logits(folder):
    rng = np.random.default_rng(0)
    for name, rows in (("train", 48), ("test", 16)):
        np.save(folder / f"{name}.npy", rng.normal(size=(rows, 4)).astype(np.float32))
    return {"logits": str(folder / "train.npy"), "test_logits": str(folder / "test.npy")}


@pytest.mark.parametrize("augment", [{"pad": 1, "flip": True}, CROPS], ids=["pad", "crops"])
@pytest.mark.parametrize("kind", [weights, logits])
def test_it_is_given_the_size_that_networks_see(kind, augment, tmp_path):
    keys = {
        "dataset": {
            **{"name": "folder", "path": str(tidy(tmp_path / "images"))},
            **{"image_size": 12, "resize": "crop", "validation": 8},
        },
        "augment": augment,
        "cache": {"views": 1},
        "teacher": kind(tmp_path),
        "student": {"network": NETWORK, "train": {"epochs": 1, "batch_size": 4}},
        "variants": {"kd": {"method": "kd"}},
        "seeds": [0],
    }
    exp, path = parse_experiment(keys, "x.yaml"), tmp_path / "data.h5"
    crops = "crops" in augment
    prepare_file(exp.dataset, crops, path, tmp_path / "unfinished", "code", lambda said: None)
    data = read_dataset(path)
    assert data.train.images.shape[1:3] == ((14, 14) if crops else (12, 12))
    made, content = tmp_path / "teacher.safetensors", dataset_hash(data)
    bring_teacher(made, exp, data, content, CPU, lambda said: None)
    card = read_teacher(made)[1]
    assert card.image_shape == (3, 12, 12)
    card.check_data(data, content)
