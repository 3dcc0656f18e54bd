"""ONNX graphs of a multi-exit network: one per stage for any batch size, and one for batch 1.

The single graph nests each later stage in the else-branch of an ``If``, so that a runtime cannot
but leave it out. Thresholds are inputs: the files hold for every operating point.
"""

import copy

import onnx
import torch
from onnx import TensorProto, helper
from torch import nn

from erde_core.scores.fitted import FittedScore
from erde_torch.export.graph_export import exported
from erde_torch.export.score_graph import LOGITS, add_score
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.staged import exit_stages

_FEATURES, _NEXT = "features", "next_features"


def stage_models(
    network: MultiExitNetwork,
    image_shape: tuple[int, int, int],
    score: FittedScore | None = None,
) -> list[onnx.ModelProto]:
    """One model per exit.

    Model 0 reads ``images`` float32 ``(N, channels, H, W)``, normalised, later ones as
    ``features`` what the one before hands on. Each writes ``logits`` float32 ``(N, C)``, and all
    but the last the score float64 ``(N,)`` (``entropy``, or as it is called) and ``next_features``.

    Raises:
        ValueError: a score that PyTorch does not compute.
    """
    models, inputs = [], torch.zeros(2, *image_shape)
    stages = exit_stages(network.cpu(), score)
    for index, stage in enumerate(stages):
        name, last = (_FEATURES if index else "images"), index == len(stages) - 1
        outputs = [LOGITS] if last else [LOGITS, _NEXT]
        model = exported(_WithoutScore(stage, last), inputs, name, outputs)
        with torch.no_grad():
            logits, _, inputs = stage(inputs)
        models.append(model if last else add_score(model, score, index, logits.shape[1]))
    return models


def single_model(stages: list[onnx.ModelProto]) -> onnx.ModelProto:
    """All of ``stages`` as one model for one image.

    Reads ``images`` float32 ``(1, channels, H, W)`` and ``thresholds`` float64 ``(E - 1,)``;
    writes ``logits`` float32 ``(1, C)`` of the exit taken, ``exit`` int64 ``(1,)``, and where there
    are early exits ``score`` float64 ``(1,)``, that of the first one.
    """
    graph = _last(stages[-1].graph, len(stages) - 1)
    for index in reversed(range(len(stages) - 1)):
        graph = _decide(stages[index].graph, index, graph)
    _rename_outputs(graph, ("logits", "exit"))  # the outermost are the ones that users see
    if len(stages) > 1:
        first = f"s0/{stages[0].graph.output[1].name}"
        graph.node.append(helper.make_node("Identity", [first], ["score"]))
        graph.output.append(helper.make_tensor_value_info("score", TensorProto.DOUBLE, [1]))
    images = stages[0].graph.input[0]
    sides = [dim.dim_value for dim in images.type.tensor_type.shape.dim[1:]]
    graph.name = "early_exit"
    graph.input.extend(
        [
            helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, *sides]),
            helper.make_tensor_value_info("thresholds", TensorProto.DOUBLE, [len(stages) - 1]),
        ]
    )
    model = helper.make_model(
        graph, opset_imports=stages[0].opset_import, ir_version=stages[0].ir_version
    )
    onnx.checker.check_model(model, full_check=True)
    return model


class _WithoutScore(nn.Module):
    """What of a stage the network computes: the score is added to the graph of its logits."""

    def __init__(self, stage: nn.Module, last: bool) -> None:
        super().__init__()
        self.stage, self.last = stage, last

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        logits, _, features = self.stage(inputs)
        return (logits,) if self.last else (logits, features)


def _last(graph: onnx.GraphProto, index: int) -> onnx.GraphProto:
    """The body of the last stage, which answers in any case."""
    nodes, weights = _prefixed(graph, index)
    nodes += _answer(index, f"logits{index}", f"exit{index}")
    outputs = _values(f"logits{index}", f"exit{index}", _classes(graph))
    return helper.make_graph(nodes, f"stage{index}", [], outputs, weights)


def _decide(graph: onnx.GraphProto, index: int, otherwise: onnx.GraphProto) -> onnx.GraphProto:
    """Stage ``index``, then an ``If``: answer here, or do ``otherwise``."""
    nodes, weights = _prefixed(graph, index)
    early = (f"early_logits{index}", f"early_exit{index}")
    here = helper.make_graph(
        _answer(index, *early), f"exit{index}", [], _values(*early, _classes(graph))
    )
    position, limit, leaves = (f"{name}{index}" for name in ("position", "limit", "leaves"))
    weights.append(helper.make_tensor(position, TensorProto.INT64, [1], [index]))
    taken = (f"logits{index}", f"exit{index}")
    nodes += [
        helper.make_node("Gather", ["thresholds", position], [limit]),
        helper.make_node("Less", [f"s{index}/{graph.output[1].name}", limit], [leaves]),
        helper.make_node("If", [leaves], taken, then_branch=here, else_branch=otherwise),
    ]
    return helper.make_graph(nodes, f"stage{index}", [], _values(*taken, _classes(graph)), weights)


def _rename_outputs(graph: onnx.GraphProto, names: tuple[str, ...]) -> None:
    new = {value.name: name for value, name in zip(graph.output, names, strict=True)}
    for node in graph.node:
        node.output[:] = [new.get(name, name) for name in node.output]
    for value, name in zip(graph.output, names, strict=True):
        value.name = name


def _answer(index: int, logits: str, exit_name: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Identity", [f"s{index}/{LOGITS}"], [logits]),
        helper.make_node("Constant", [], [exit_name], value_ints=[index]),
    ]


def _classes(graph: onnx.GraphProto) -> int:
    return int(graph.output[0].type.tensor_type.shape.dim[1].dim_value)


def _values(logits: str, exit_name: str, classes: int) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(logits, TensorProto.FLOAT, [1, classes]),
        helper.make_tensor_value_info(exit_name, TensorProto.INT64, [1]),
    ]


def _prefixed(
    graph: onnx.GraphProto, index: int
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Copies of a stage's nodes and weights: names must be unique through all depths."""

    def rename(name: str) -> str:
        if name == _FEATURES:
            return f"s{index - 1}/{_NEXT}"
        return name if name in ("", "images") else f"s{index}/{name}"

    nodes, weights = list(copy.deepcopy(graph.node)), list(copy.deepcopy(graph.initializer))
    for node in nodes:
        node.name = f"s{index}/{node.name}"
        node.input[:] = [rename(name) for name in node.input]
        node.output[:] = [rename(name) for name in node.output]
    for weight in weights:
        weight.name = rename(weight.name)
    return nodes, weights
