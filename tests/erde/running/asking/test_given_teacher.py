"""A teacher that is there already sees photographs as students do, with room for crops or not."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from erde.datasets.folder import prepare_file
from erde.experiment.schema import parse_experiment
from erde.running.asking.given_teacher import bring_teacher
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.teachers.facts import Data
from erde_torch.teachers.file import read_teacher
from erde_torch.teachers.onnx_network import look
from erde_torch.teachers.settings import OnnxTeacher
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


def graph_of_votes(folder):
    """Of 60, by rounded mean colours: noise is always given the same ones, and shows nothing."""
    random = np.random.default_rng(0)
    matrix = helper.make_tensor("m", TensorProto.FLOAT, (3, 4), random.normal(size=12))
    trees = helper.make_tensor("trees", TensorProto.FLOAT, (), [60])
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Round", ["flat"], ["coarse"]),
        helper.make_node("MatMul", ["coarse", "m"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["odds"], axis=-1),
        helper.make_node("Mul", ["odds", "trees"], ["answers"]),
    ]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        for name, shape in (("images", ["N", 3, 12, 12]), ("answers", ["N", 4]))
    ]
    made = helper.make_graph(nodes, "g", *ends, [matrix, trees])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(made, opset_imports=opset, ir_version=9), folder / "g.onnx")
    return {"onnx": str(folder / "g.onnx")}


@pytest.mark.parametrize("augment", [{"pad": 1, "flip": True}, CROPS], ids=["pad", "crops"])
@pytest.mark.parametrize("kind", [weights, logits])
def test_it_is_given_the_size_that_networks_see(kind, augment, tmp_path):
    exp, data, content = prepared(kind(tmp_path), augment, tmp_path)
    assert data.train.images.shape[1:3] == ((14, 14) if "crops" in augment else (12, 12))
    made = tmp_path / "teacher.safetensors"
    bring_teacher(made, exp, data, content, CPU, lambda said: None)
    card = read_teacher(made)[1]
    assert card.image_shape == (3, 12, 12)
    card.check_data(data, content)


def test_answers_to_images_tell_votes_from_logits_where_noise_did_not(tmp_path):
    teacher, augment = graph_of_votes(tmp_path), {"pad": 1, "flip": True}
    assert look(OnnxTeacher(**teacher), Data(image_shape=(3, 12, 12), classes=4)).exits == 1
    asked, made = prepared(teacher, augment, tmp_path), tmp_path / "teacher.safetensors"
    with pytest.raises(ValueError, match=r"^onnx must give raw logits, .* sum to about 60, which"):
        bring_teacher(made, *asked, CPU, lambda said: None)
    assert not made.exists()


def test_classes_that_others_sort_by_number_are_warned_of(tmp_path):
    """Of whom nobody said the order; 10 comes before 2 here."""
    images = tidy(tmp_path / "images")
    for part in ("train", "test"):
        (images / part / "class3").rename(images / part / "class10")
    teacher, classes = weights(tmp_path), ["class0", "class1", "class10", "class2"]
    (tmp_path / "classes.txt").write_text("\n".join(classes), encoding="utf-8")
    rule = "classes are taken to be sorted letter by letter, 'class10' before 'class2'"
    for said_by, count in ({}, 1), ({"classes": str(tmp_path / "classes.txt")}, 0):
        said = []
        asked = prepared(teacher | said_by, {"pad": 1, "flip": True}, tmp_path, images)
        bring_teacher(tmp_path / "teacher.safetensors", *asked, CPU, said.append)
        assert sum(rule in one for one in said) == count


def prepared(teacher, augment, tmp_path, images=None):
    """Experiment, data set and its hash; of folders of ``images`` where there are such already."""
    images = images or tidy(tmp_path / "images")
    keys = {
        "dataset": {
            **{"name": "folder", "path": str(images)},
            **{"image_size": 12, "resize": "crop", "validation": 8},
        },
        "augment": augment,
        "cache": {"views": 1},
        "teacher": teacher,
        "student": {"network": NETWORK, "train": {"epochs": 1, "batch_size": 4}},
        "variants": {"kd": {"method": "kd"}},
        "seeds": [0],
    }
    exp, path = parse_experiment(keys, "x.yaml"), tmp_path / "data.h5"
    crops = "crops" in augment
    prepare_file(exp.dataset, crops, path, tmp_path / "unfinished", "code", lambda said: None)
    data = read_dataset(path)
    return exp, data, dataset_hash(data)
