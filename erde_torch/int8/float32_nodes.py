"""Which nodes of a stage stay in float32, and what of the quantised graph is taken back for that.

Logits, score and log-probabilities would have 256 values in 8 bits, and thresholds lie closer. A
cascade hands images, features and log-probabilities on as one tensor; in 8 bits they would share
one range, which the widest of them decides.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

LOGITS, NEXT = "logits", "next_features"
_LINEAR = ("QuantizeLinear", "DequantizeLinear")
_WEIGHTED = ("Conv", "Gemm", "MatMul")
_UNPACKING, _PACKING = ("Split", "Reshape"), ("Concat", "Reshape", "Flatten")
_PACKED_RANK = 2  # (N, numbers of one sample); features have rows and columns, or tokens


def float32_nodes(graph: onnx.GraphProto) -> list[str]:
    """The names of the nodes that are not quantised."""
    return [
        node.name
        for node in (*score_nodes(graph), *_norms(graph), *_averaging(graph), *_packing(graph))
    ]


def score_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that neither logits nor features need: they compute the score."""
    needed, found = {LOGITS, NEXT}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
        else:
            found.append(node)
    return found


def take_back(graph: onnx.GraphProto, float32: onnx.GraphProto) -> None:
    """Take out again what the quantiser did beside its nodes.

    That is the quantisation of logits, of what log-probabilities are made of, and of what a cascade
    only hands on: the quantiser lets nodes that it left alone read 8 bits where others do.

    Args:
        graph: quantised; changed.
        float32: of which it was made.
    """
    read = [node.input[0] for node in graph.node if node.op_type == "LogSoftmax"]
    for name in dict.fromkeys([LOGITS, *read]):
        _leave_float32(graph, name)
    packing = _packing(float32)
    names = {node.name for node in packing}
    whole = {v.name for v in float32.input} | {name for node in packing for name in node.output}
    made_by = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.name in names:
            node.input[:] = [_unrounded(name, made_by, whole) for name in node.input]


def _unrounded(name: str, made_by: dict[str, onnx.NodeProto], whole: set[str]) -> str:
    """What was rounded to give ``name``, if that is one of ``whole``; else ``name``."""
    back = made_by.get(name)
    if back is None or back.op_type != "DequantizeLinear" or back.input[0] not in made_by:
        return name
    source = made_by[back.input[0]].input[0]
    return source if source in whole else name


def exceptions(model: onnx.ModelProto, index: int) -> Iterator[dict[str, Any]]:
    """The layers of stage ``index`` that hold float32 numbers other than scales, and their size."""
    stored = {w.name: w for w in model.graph.initializer if w.data_type == TensorProto.FLOAT}
    for node in model.graph.node:
        sizes = [
            4 * int(np.prod(stored[name].dims))
            for name in dict.fromkeys(node.input)
            if name in stored and node.op_type not in _LINEAR and len(stored[name].dims)
        ]
        if sizes:
            yield {
                "layer": f"stage{index}/{node.name}",
                "operator": node.op_type,
                "bytes": sum(sizes),
            }


def _norms(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The batch norms that follow no convolution, into which they would have been folded.

    ONNX Runtime would bring half of their numbers to 8 bits, and compute in float32 all the same.
    """
    return [node for node in graph.node if node.op_type == "BatchNormalization"]


def _averaging(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Of a cascade that averages: the nodes between the members' logits and its own."""
    found = _behind(graph, [LOGITS], lambda node: node.op_type not in _WEIGHTED)
    averages = any(node.op_type == "LogSoftmax" for node in found)
    return found if averages else []


def _packing(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Of a cascade: the nodes that take apart what comes in as one tensor, or pack what goes on."""
    found, names = [], _packed(graph.input)
    for node in graph.node:
        if node.op_type in _UNPACKING and names.intersection(node.input):
            found.append(node)
            names.update(node.output)
    ends = _packed(graph.output) & {NEXT}
    return found + _behind(graph, sorted(ends), lambda node: node.op_type in _PACKING)


def _packed(values: Iterable[onnx.ValueInfoProto]) -> set[str]:
    return {v.name for v in values if len(v.type.tensor_type.shape.dim) == _PACKED_RANK}


def _behind(
    graph: onnx.GraphProto, names: list[str], takes: Callable[[onnx.NodeProto], bool]
) -> list[onnx.NodeProto]:
    """The nodes that ``names`` are computed by, back to the first that ``takes`` denies."""
    needed, found = set(names), []
    for node in reversed(graph.node):
        if needed.intersection(node.output) and takes(node):
            found.append(node)
            needed.update(node.input)
    return found


def _leave_float32(graph: onnx.GraphProto, output: str) -> None:
    made_by = {name: node for node in graph.node for name in node.output}
    back = made_by[output]
    if back.op_type != "DequantizeLinear":
        return
    there = made_by[back.input[0]]
    source = made_by[there.input[0]]
    old, new = there.input[0], output
    for node in (there, back):
        graph.node.remove(node)
    unused = {*there.input[1:], *back.input[1:]} - {n for node in graph.node for n in node.input}
    for weight in [w for w in graph.initializer if w.name in unused]:
        graph.initializer.remove(weight)
    source.output[:] = [new if name == old else name for name in source.output]
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
