"""Puts a score into an ONNX graph: computed of its ``logits``, whatever network gives them."""

import copy

import onnx
import torch
from onnx import helper, numpy_helper

from erde_core.scores.fitted import FittedScore
from erde_torch.export.graph_export import exported
from erde_torch.networks.exit_score import ExitScore

LOGITS = "logits"
_PREFIX = "score/"
# By score, whether tempered, and classes: the exits of a network differ by their numbers alone.
_GRAPHS: dict[tuple[str, bool, int], onnx.ModelProto] = {}


def add_score(
    model: onnx.ModelProto, score: FittedScore | None, exit: int, classes: int
) -> onnx.ModelProto:
    """``model`` with the score of an exit as its second output, float64 ``(N,)``.

    The output is called as the score is. Nothing else of the model changes.

    Args:
        model: writes ``logits`` float32 ``(N, C)`` first.
        score: the entropy where None.
        exit: whose temperature or gate is taken.
        classes: C.

    Raises:
        ValueError: a score that PyTorch does not compute.
    """
    module = ExitScore(score, exit)
    part = _graph(module, classes)
    whole = copy.deepcopy(model)
    rename = {LOGITS: LOGITS, module.name: module.name}
    for weight in part.graph.initializer:
        rename[weight.name] = weight.name = _PREFIX + weight.name
    for node in part.graph.node:
        node.name = _PREFIX + node.name
        for names in (node.input, node.output):
            names[:] = [name and rename.get(name, _PREFIX + name) for name in names]
    whole.graph.node.extend(part.graph.node)
    whole.graph.initializer.extend(part.graph.initializer)
    outputs = list(whole.graph.output)
    batch = outputs[0].type.tensor_type.shape.dim[0].dim_param
    value = helper.make_tensor_value_info(module.name, onnx.TensorProto.DOUBLE, [batch])
    del whole.graph.output[:]
    whole.graph.output.extend([outputs[0], value, *outputs[1:]])
    onnx.checker.check_model(whole, full_check=True)
    return whole


def _graph(module: ExitScore, classes: int) -> onnx.ModelProto:
    """``module`` as a graph of its own, from ``logits`` to an output called as the score is."""
    kind = (module.name, module.tempered, classes)
    if kind not in _GRAPHS:
        _GRAPHS[kind] = exported(module, torch.zeros(2, classes), LOGITS, [module.name])
    graph = copy.deepcopy(_GRAPHS[kind])
    weights = {weight.name: weight for weight in graph.graph.initializer}
    for name, numbers in module.fitted().items():
        weights[name].CopyFrom(numpy_helper.from_array(numbers.numpy(), name))
    return graph
