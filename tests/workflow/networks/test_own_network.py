"""The three examples of docs/own-network.md, on small images: no teacher is trained."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import torchvision
import yaml
from onnx import TensorProto, helper

from erde.datasets.sources import prepare, source_settings
from erde.evaluation.tables import PARETO, TEACHER_EXITS
from erde_core.store.exit_logits import read_exit_logits
from erde_core.store.teacher_logits import read_teacher_logits
from erde_torch.networks.weights import read_network
from tests.workflow.conftest import copy_repository

PAGE = Path(__file__).parents[3] / "docs/own-network.md"
NAMES = ("torchvision", "onnx", "timm")
SMALL = {
    "dataset": {"name": "digits", "train_images": 300, "canvas": 32},
    "augment": {"pad": 1, "flip": False},
    "cache": {"views": 2},
    "seeds": [0],
    "variants": {"erde": {"method": "erde"}},
    "device": "cpu",
}
EPOCH = {"epochs": 1, "batch_size": 50, "precision": "float32", "threads": 1}


def examples():
    """Whole experiments of the page, by name, small."""
    texts = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    whole = [found for found in map(yaml.safe_load, texts) if "student" in found]
    made = dict(zip(NAMES, (keys | SMALL for keys in whole), strict=True))
    for keys in made.values():
        keys["student"] = {"network": keys["student"]["network"], "train": EPOCH}
    made["torchvision"]["student"]["network"]["width"] = 0.125
    made["onnx"]["student"]["network"]["width"] = 0.125
    made["onnx"]["teacher"]["image_size"] = 24
    del made["timm"]["student"]["network"]["weights"]  # timm would download them
    return made


def finetuned(data, path, mean, std):
    """torchvision's ResNet18 after a few steps of a plain loop, as such loops save it."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=10)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    shape = (-1, 1, 1)
    pixels = torch.from_numpy(data.train.images).permute(0, 3, 1, 2) / 255
    images = (pixels - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)
    labels = torch.from_numpy(data.train.labels)
    order = torch.tensor([int(name) for name in reversed(data.class_names)])
    for step in range(24):
        rows = torch.arange(step * 50, step * 50 + 50) % len(labels)
        loss = torch.nn.functional.cross_entropy(network(images[rows]), order[labels[rows]])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"model": state, "epoch": 3}, path)


def coarse(images):
    """Means of 8×8 fields, -1 … 1, flat."""
    height = images.shape[1]
    pixels = images.reshape(-1, 8, height // 8, 8, height // 8, 3) / 255
    return (pixels.mean((2, 4)).reshape(len(images), -1) - 0.5) / 0.5


def linear_graph(data, path, size):
    """Least squares on coarse pixels, channels last, with a softmax: no PyTorch in it."""
    wanted = 10 * np.eye(10)[data.train.labels]
    flat = coarse(data.train.images)
    weights = np.linalg.lstsq(flat.T @ flat + np.eye(192), flat.T @ wanted, rcond=None)[0]
    step = size // 8
    nodes = [
        helper.make_node("Transpose", ["images"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["nchw"], ["pooled"], kernel_shape=[step] * 2, strides=[step] * 2
        ),
        helper.make_node("Transpose", ["pooled"], ["nhwc"], perm=[0, 2, 3, 1]),
        helper.make_node("Flatten", ["nhwc"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["odds"], axis=-1),
    ]
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", size, size, 3])]
    outputs = [helper.make_tensor_value_info("odds", TensorProto.FLOAT, ["N", 10])]
    matrix = helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel())
    graph = helper.make_graph(nodes, "coarse pixels", inputs, outputs, [matrix])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A checkout in which the first has been run to its picture, the others to their students."""
    checkout = copy_repository(tmp_path_factory.mktemp("own"))
    made = examples()
    for name, keys in made.items():
        checkout.write_experiment(name, keys)
    root, seen = checkout.root, made["torchvision"]["teacher"]
    (root / "classes.txt").write_text("\n".join(map(str, range(9, -1, -1))), encoding="utf-8")
    data = prepare(source_settings(SMALL["dataset"]), root)
    finetuned(data, root / "finetuned.pth", seen["mean"], seen["std"])
    linear_graph(data, root / "teacher.onnx", 24)
    students = [f"results/{name}/erde/seed0/weights.safetensors" for name in NAMES[1:]]
    targets = ["results/torchvision_pareto.png", *students]
    assert "teacher" not in checkout.plan(*targets)
    checkout.snakemake("--cores", "2", *targets)
    return checkout


def said(run, name):
    """Of the teacher: its log, and its accuracy on validation in %."""
    log = (run.root / f"results/{name}/logs/given_teacher.log").read_text(encoding="utf-8")
    return log, float(re.search(r"accuracy per exit on validation: ([\d.]+) %", log)[1])


def test_the_first_runs_to_the_picture(run):
    folder = run.root / "results/torchvision"
    assert (run.root / "results/torchvision_pareto.png").stat().st_size > 10_000
    teacher = read_exit_logits(folder / "teacher/exit_logits.h5")
    student = read_exit_logits(folder / "erde/seed0/exit_logits.h5")
    assert (teacher.test.logits.shape, student.test.logits.shape) == ((600, 1, 10), (600, 4, 10))
    assert {row["budget_of"] for row in PARETO.read(folder / "pareto.csv")} == {"teacher"}
    assert run.plan("results/torchvision_pareto.png") == {}
    log, val = said(run, "torchvision")
    row = TEACHER_EXITS.read(folder / "teacher_exits.csv")[-1]
    assert val == pytest.approx(100 * row["val_accuracy"], abs=0.01)
    assert val > 15
    assert "chance level" not in log


def test_the_graph_answers_as_its_matrix(run):
    """On the images that it was fitted to, and knows: on others it guesses."""
    cache = read_teacher_logits(run.root / "results/onnx/teacher_logits.h5")
    assert cache.logits.shape == (2, 300, 1, 10)
    assert "its classes are taken to be in the data set's order" in said(run, "onnx")[0]
    data = prepare(source_settings(SMALL["dataset"]), run.root)
    (matrix,) = onnx.load(run.root / "teacher.onnx").graph.initializer
    answers = coarse(data.train.images) @ onnx.numpy_helper.to_array(matrix)
    expected = answers - np.log(np.exp(answers).sum(1, keepdims=True))
    (plain,) = np.flatnonzero(~cache.views.any(1))
    found = cache.logits[plain, :, 0].astype(np.float64)
    assert (found.argmax(1) == data.train.labels).mean() > 0.7
    # The graph saw images of 24 pixels, not of 32.
    assert np.abs(found - expected).mean() < 0.15


def test_without_classes_in_their_order_it_only_guesses_and_the_log_says_so(run):
    """The third example names no file of classes, and its digits come from nine to nought."""
    log, val = said(run, "timm")
    assert "its classes are taken to be in the data set's order" in log
    assert "is chance level" in log
    assert val < 15


def test_a_timm_student_is_itself(run):
    network, card = read_network(run.root / "results/timm/erde/seed0/weights.safetensors")
    assert (network.exit_count, card.network["name"]) == (4, "timm/mobilenetv3_small_050")


def test_another_file_of_the_same_name_is_read_anew(run):
    path = run.root / "classes.txt"
    text = path.read_text(encoding="utf-8")
    path.write_text("\n".join(map(str, range(10))), encoding="utf-8")
    try:
        plan = run.plan("results/torchvision_pareto.png")
    finally:
        path.write_text(text, encoding="utf-8")
    assert plan["given_teacher"] == plan["cache"] == plan["student"] == 1
    assert "data" not in plan


def test_weights_of_another_network_are_refused_by_the_plan(run):
    keys = examples()["torchvision"]
    keys["teacher"]["network"]["name"] = "resnet34"
    run.write_experiment("other", keys)
    done = run.snakemake("--dry-run", "results/other_pareto.png", check=False)
    (line,) = [
        line
        for line in done.stdout.splitlines() + done.stderr.splitlines()
        if line.startswith("Error: ")
    ]
    assert "other.yaml: teacher.trained must hold the weights of resnet34, got in" in line
    assert "layer1.2.conv1.weight none for (64, 64, 3, 3)" in line
    assert not (run.root / "results/other").exists()
