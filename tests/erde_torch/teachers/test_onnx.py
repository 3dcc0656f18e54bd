"""An ONNX graph is asked as it wants, costs what its shapes say, and else is refused."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from erde_core.errors import ErdeError
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.teachers.facts import Data
from erde_torch.teachers.file import read_teacher, write_teacher
from erde_torch.teachers.onnx_graph import open_graph, outside_files
from erde_torch.teachers.onnx_macs import exit_costs
from erde_torch.teachers.onnx_network import bring, look
from erde_torch.teachers.settings import OnnxTeacher
from tests.erde_torch.teachers.conftest import trained_norms

# Of PyTorch's older exporter, which is the fast one.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]
DATA = Data(image_shape=(3, 32, 32), classes=5)


def graph(path, inputs=("images",), shape=("N", 3, 32, 32), end=(), outputs=1, dtype=None):
    """Mean over the pixels, a matrix, and ``end``: nodes after the logits."""
    axes = [1, 2] if shape[3] == 3 else [2, 3]
    random = np.random.default_rng(0)
    matrix = random.normal(size=(3, 5)).astype(np.float32)
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], axes),
        helper.make_tensor("matrix", TensorProto.FLOAT, matrix.shape, matrix.ravel()),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["pooled"], keepdims=0),
        helper.make_node("MatMul", ["pooled", "matrix"], ["logits0"]),
        *end,
    ]
    kind = dtype or TensorProto.FLOAT
    ins = [helper.make_tensor_value_info(name, kind, shape) for name in inputs]
    names = [f"logits{len(end)}"] if outputs == 1 else [f"logits{e}" for e in range(outputs)]
    outs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    model = helper.make_model(
        helper.make_graph(nodes, "mean colour", ins, outs, constants),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.save(model, path)
    return matrix


def asked(teacher, card, path):
    write_teacher(path, bring(teacher, card)[0])
    return read_teacher(path)[0]


@pytest.mark.parametrize(
    "keys",
    [
        {"name": "resnet10", "width": 1 / 16},
        {"name": "mobilenetv2", "width": 0.25, "exits": [1]},
        {"name": "timm/vit_tiny_patch16_224", "exits": [0, 1]},
    ],
    ids=["resnet", "mobilenet", "vit"],
)
def test_an_export_of_ours_costs_and_answers_as_the_network(keys, card, tmp_path):
    pytest.importorskip("timm")
    network = trained_norms(build_network(NetworkSettings(**keys), 5, (3, 32, 32)))
    images, path = torch.randn(3, 3, 32, 32), tmp_path / "net.onnx"
    torch.onnx.export(
        network, (images,), path, dynamo=False
    )  # the other exporter takes ten seconds
    found = asked(OnnxTeacher(onnx=str(path)), card, tmp_path / "teacher.safetensors")
    with torch.no_grad():
        torch.testing.assert_close(found(images), network(images), rtol=1e-4, atol=1e-5)
        assert found(images[:2]).shape[0] == 2  # fewer than it was exported for
    assert found.macs.tolist() == exit_macs(network, (3, 32, 32)).tolist()
    assert [file.name for file in outside_files(path)] in ([], ["net.onnx.data"])


@pytest.mark.parametrize(
    ("shape", "remark"),
    [
        ((1, 3, 32, 32), "one image at a time and is asked one by one"),
        ((2, 3, 32, 32), "2 images at a time"),
        (("N", 32, 32, 3), "channels last"),
        (("N", 3, 32, 32), None),
    ],
)
def test_it_is_asked_as_it_wants_and_that_is_said(shape, remark, card, pixels, tmp_path):
    matrix = graph(tmp_path / "g.onnx", shape=shape)
    teacher = OnnxTeacher(onnx=str(tmp_path / "g.onnx"), mean=(0.0,) * 3, std=(1.0,) * 3)
    remarks = look(teacher, DATA).remarks
    assert remark is None or any(remark in sentence for sentence in remarks)
    assert len(remarks) == (remark is not None)
    images = (pixels - torch.tensor(card.mean).view(-1, 1, 1)) / torch.tensor(card.std).view(
        -1, 1, 1
    )
    found = asked(teacher, card, tmp_path / "teacher.safetensors")(images[:3])
    expected = pixels[:3].mean((2, 3)).numpy() @ matrix
    np.testing.assert_allclose(found[:, 0].numpy(), expected, atol=1e-5)


def test_a_sigmoid_at_the_end_is_no_logits_and_no_probabilities(tmp_path):
    graph(tmp_path / "g.onnx", end=[helper.make_node("Sigmoid", ["logits0"], ["logits1"])])
    teacher = {"onnx": str(tmp_path / "g.onnx")}
    with pytest.raises(ValueError, match=r"^onnx must give raw logits, .* before the softmax or"):
        look(OnnxTeacher(**teacher), DATA)
    with pytest.raises(ValueError, match=r"^onnx must give probabilities, .* with sums of"):
        look(OnnxTeacher(**teacher, output="probabilities"), DATA)
    assert look(OnnxTeacher(**teacher, output="logits"), DATA).exits == 1


@pytest.mark.parametrize("numbers", [1, 2, 4])
def test_one_mean_is_not_spread_over_the_channels(numbers, card, tmp_path):
    graph(tmp_path / "g.onnx")
    seen = {"mean": (0.5,) * numbers, "std": (0.2,) * numbers}
    teacher = OnnxTeacher(onnx=str(tmp_path / "g.onnx"), **seen)
    rule = rf"^mean and std must have a number for each of the 3 channels .*, got {numbers} \(\[0.5"
    with pytest.raises(ValueError, match=rule):
        look(teacher, DATA)
    with pytest.raises(ValueError, match=rule):
        bring(teacher, card)


def test_probabilities_become_logits_only_where_they_are_said_to_be(card, tmp_path):
    end = [helper.make_node("Softmax", ["logits0"], ["logits1"], axis=-1)]
    matrix, path = graph(tmp_path / "g.onnx", end=end), str(tmp_path / "g.onnx")
    with pytest.raises(ValueError, match=r"^onnx must give raw logits, got 100 % of the rows in 0"):
        look(OnnxTeacher(onnx=path), DATA)
    images = torch.randn(3, 3, 32, 32)
    teacher = OnnxTeacher(onnx=path, output="probabilities")
    found = asked(teacher, card, tmp_path / "t.safetensors")(images)[:, 0].numpy()
    expected = images.mean((2, 3)).numpy() @ matrix
    expected -= np.log(np.exp(expected).sum(1, keepdims=True))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    graph(tmp_path / "g.onnx")
    with pytest.raises(ValueError, match=r"^onnx must give probabilities, as output: prob"):
        look(teacher, DATA)


def test_each_exit_costs_what_it_needs(tmp_path):
    graph(tmp_path / "g.onnx")
    model = onnx.load(tmp_path / "g.onnx")
    matrix = helper.make_tensor("five", TensorProto.FLOAT, (5, 5), np.eye(5).ravel())
    model.graph.initializer.append(matrix)
    model.graph.node.append(helper.make_node("MatMul", ["logits0", "five"], ["logits1"]))
    model.graph.output.append(helper.make_tensor_value_info("logits1", TensorProto.FLOAT, None))
    onnx.save(model, tmp_path / "g.onnx")
    found = open_graph(tmp_path / "g.onnx", (3, 32, 32), None)
    assert found.macs == (15, 40)
    model.graph.output.reverse()
    onnx.save(model, tmp_path / "g.onnx")
    with pytest.raises(
        ValueError, match=r"^onnx must give its exits in order of their cost, got l"
    ):
        open_graph(tmp_path / "g.onnx", (3, 32, 32), None)


def test_a_deformable_convolution_costs_what_a_plain_one_does():
    value, float_ = helper.make_tensor_value_info, TensorProto.FLOAT
    weight = helper.make_tensor("w", float_, (5, 3, 3, 3), np.zeros(135))
    shifts = helper.make_tensor("s", float_, (1, 18, 6, 6), np.zeros(648))
    form = {"kernel_shape": [3, 3]}
    nodes = [
        helper.make_node("DeformConv", ["images", "w", "s"], ["maps"], **form),
        helper.make_node("GlobalAveragePool", ["maps"], ["means"]),
        helper.make_node("Flatten", ["means"], ["logits"]),
    ]
    ends = [value("images", float_, (1, 3, 8, 8))], [value("logits", float_, (1, 5))]
    made = helper.make_graph(nodes, "g", *ends, [weight, shifts])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 19)])
    assert exit_costs(model, "images", (1, 3, 8, 8)) == ((5 * 36 * 27,), "")


def test_what_cannot_be_counted_is_said_and_taken(card, tmp_path):
    end = [helper.make_node("Einsum", ["logits0"], ["logits1"], equation="nc->nc")]
    graph(tmp_path / "g.onnx", end=end)
    facts = look(OnnxTeacher(onnx=str(tmp_path / "g.onnx")), DATA)
    assert not facts.counted
    assert "cannot be counted (it has a node Einsum)" in facts.remarks[0]
    network = asked(OnnxTeacher(onnx=str(tmp_path / "g.onnx")), card, tmp_path / "t.safetensors")
    assert network.macs.tolist() == [0]


def test_outputs_of_several_shapes_are_named(tmp_path):
    end = [helper.make_node("ArgMax", ["logits0"], ["logits1"], axis=1, keepdims=0)]
    graph(tmp_path / "g.onnx", end=end, outputs=2)
    model = onnx.load(tmp_path / "g.onnx")
    model.graph.output[1].type.tensor_type.elem_type = TensorProto.INT64
    onnx.save(model, tmp_path / "g.onnx")
    got = r"got logits0 \(8, 5\), logits1 \(8,\)$"
    with pytest.raises(
        ErdeError, match=rf"^onnx must give outputs of one shape, an exit each, {got}"
    ):
        look(OnnxTeacher(onnx=str(tmp_path / "g.onnx")), DATA)


REFUSED = [
    (
        {"inputs": ("images", "mask")},
        r"^onnx must have one input, the images, got 2 \(images, mask",
    ),
    ({"shape": ("N", 4, 32, 32)}, "with 3 channels like the data set's, got any × 4 × 32 × 32 in"),
    ({"dtype": TensorProto.UINT8}, "^onnx must take images as floating-point numbers, got uint8"),
    ({"shape": ("N", 3, 48, 48), "size": 32}, "^image_size must be 48 × 48, which is what the gr"),
    ({"classes": 4}, "^onnx must have 4 classes like the data set, got 5"),
    ({"text": True}, "^onnx must be a readable ONNX file, got"),
    ({"none": True}, "^onnx must be a file, got"),
]


@pytest.mark.parametrize(("change", "rule"), REFUSED, ids=[str(list(c)) for c, _ in REFUSED])
def test_what_it_cannot_be_asked_is_one_sentence(change, rule, tmp_path):
    path, change = tmp_path / "g.onnx", dict(change)
    size, classes = change.pop("size", None), change.pop("classes", 5)
    if change.pop("text", False):
        path.write_text("graph", encoding="utf-8")
    elif not change.pop("none", False):
        graph(path, **change)
    with pytest.raises(ValueError, match=rule) as caught:
        look(
            OnnxTeacher(onnx=str(path), image_size=size),
            Data(image_shape=(3, 32, 32), classes=classes),
        )
    assert "\n" not in str(caught.value)


BEHIND = {  # what follows the joining of exits, and whether each exit's cost is known all the same
    "nothing": (lambda y: y, True),
    "a softmax": (lambda y: y.softmax(2), True),
    "its logarithm": (lambda y: y.log_softmax(-1), True),
    "casts": (lambda y: y.half().float(), True),
    "a scale": (lambda y: (y / 2.0 + 1).clamp(-9, 9), True),
    "a softmax over exits": (lambda y: y.softmax(1), False),
    "their mean": (lambda y: y - y.mean(1, keepdim=True), False),
    "another order": (lambda y: y.flip(1), False),
}


class Followed(torch.nn.Module):
    def __init__(self, network, behind):
        super().__init__()
        self.network, self.behind = network, behind

    def forward(self, images):
        return self.behind(self.network(images))


@pytest.mark.parametrize("kind", BEHIND)
def test_each_exit_costs_its_own_or_nobody_knows(kind, tmp_path):
    behind, known = BEHIND[kind]
    network = build_network(NetworkSettings(name="resnet10", width=1 / 16), 5, (3, 16, 16)).eval()
    path = tmp_path / "net.onnx"
    torch.onnx.export(Followed(network, behind), (torch.zeros(2, 3, 16, 16),), path, dynamo=False)
    found, reason = exit_costs(onnx.load(path), onnx.load(path).graph.input[0].name, (2, 3, 16, 16))
    if known:
        assert (list(found), reason) == (exit_macs(network, (3, 16, 16)).tolist(), "")
    else:
        assert (found, reason) == (None, "where its 4 exits are joined cannot be seen")
