"""Multiply-accumulates of an ONNX graph, by its shapes. Imports no torch.

Convolutions and matrix products count, whole numbers included; norms, activations and pooling do
not, as everywhere here.
"""

import math
from collections.abc import Sequence
from typing import Any

from erde_core.errors import ErdeError

# What may multiply and is not counted: a graph with one of them has no known cost.
_UNKNOWN = {"Attention", "Einsum", "GRU", "If", "LSTM", "Loop", "MultiHeadAttention", "RNN", "Scan"}
# Of a product, which inputs are its factors.
_CONVOLUTIONS = {
    "Conv": 1,
    "ConvInteger": 1,
    "ConvTranspose": 1,
    "DeformConv": 1,
    "QLinearConv": 3,
}
_PRODUCTS = {"MatMul": 0, "MatMulInteger": 0, "QLinearMatMul": 0}
Shape = tuple[int, ...]


def exit_costs(
    model: Any,  # noqa: ANN401 -- onnx's protocol buffers have no types
    name: str,
    shape: Sequence[int],
) -> tuple[tuple[int, ...] | None, str]:
    """MACs of one image to the end of each exit; or None, and why they cannot be counted.

    Args:
        model: whose outputs are the exits, or whose only output joins them.
        name, shape: of its input; the first axis counts images.

    Raises:
        ValueError: the exits are not in order of their cost.
    """
    try:
        graph = _inferred(model, name, shape)
        shapes = _shapes(graph)
        costs = {index: _cost(node, shapes) for index, node in enumerate(graph.node)}
    except _UncountedError as error:
        return None, str(error)
    made_by = {out: index for index, node in enumerate(graph.node) for out in node.output}
    ends = _ends(graph, made_by, shapes)
    behind = [_behind(graph, made_by, end) for end in ends]
    alone = [sum(costs[index] for index in nodes) for nodes in behind]
    for e in range(1, len(ends)):
        if alone[e] < alone[e - 1]:
            raise ErdeError(
                f"onnx must give its exits in order of their cost, got {ends[e - 1]} "
                f"({alone[e - 1]:,} MACs) before {ends[e]} ({alone[e]:,})"
            )
    reached = [set[int]().union(*behind[: e + 1]) for e in range(len(ends))]
    return tuple(sum(costs[index] for index in nodes) // shape[0] for nodes in reached), ""


class _UncountedError(Exception):
    """A graph whose cost is not known; the message says why."""


def _inferred(model: Any, name: str, shape: Sequence[int]) -> Any:  # noqa: ANN401
    """The graph for such an input, functions written out and every shape inferred."""
    import onnx
    from onnx import inliner

    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    copied = inliner.inline_local_functions(copied)
    for value in copied.graph.input:
        if value.name == name:
            for dim, size in zip(value.type.tensor_type.shape.dim, shape, strict=True):
                dim.dim_value = size
    del copied.graph.value_info[:]
    for value in copied.graph.output:  # of another number of images
        value.type.tensor_type.ClearField("shape")
    try:
        return onnx.shape_inference.infer_shapes(copied, strict_mode=True, data_prop=True).graph
    except Exception as error:  # its own, without a common base
        first = str(error).strip().partition("\n")[0]
        raise _UncountedError(f"shapes cannot be inferred ({first})") from error


def _shapes(graph: Any) -> dict[str, Shape]:  # noqa: ANN401
    found = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        dims = value.type.tensor_type.shape.dim
        if all(dim.HasField("dim_value") for dim in dims):
            found[value.name] = tuple(dim.dim_value for dim in dims)
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                found[node.output[0]] = tuple(attribute.t.dims)
    return found


def _cost(node: Any, shapes: dict[str, Shape]) -> int:  # noqa: ANN401
    kind = node.op_type
    if kind in _UNKNOWN or node.domain not in ("", "ai.onnx"):
        raise _UncountedError(f"it has a node {kind}")
    if kind not in {*_CONVOLUTIONS, *_PRODUCTS, "Gemm"}:
        return 0
    names = [node.output[0], *node.input]
    unknown = [name for name in names if name and name not in shapes]
    if unknown:
        raise _UncountedError(f"the shape of {unknown[0]} is not known")
    made = shapes[node.output[0]]
    if kind in _CONVOLUTIONS:
        weight = shapes[node.input[_CONVOLUTIONS[kind]]]
        moved = shapes[node.input[0]] if kind == "ConvTranspose" else made
        return math.prod(moved) * math.prod(weight[1:])
    inner = shapes[node.input[_PRODUCTS.get(kind, 0)]]
    transposed = any(a.name == "transA" and a.i for a in node.attribute)
    return math.prod(made) * inner[0 if transposed else -1]


def _ends(graph: Any, made_by: dict[str, int], shapes: dict[str, Shape]) -> list[str]:  # noqa: ANN401
    """The tensors at which the exits end."""
    outputs = [value.name for value in graph.output]
    if len(outputs) > 1 or len(shapes.get(outputs[0], ())) != 3:
        return outputs
    exits, end = shapes[outputs[0]][1], outputs[0]
    while end in made_by and graph.node[made_by[end]].op_type == "Identity":
        end = graph.node[made_by[end]].input[0]
    node = graph.node[made_by[end]] if end in made_by else None
    joined = node is not None and node.op_type == "Concat" and len(node.input) == exits
    return list(node.input) if joined and node is not None else [outputs[0]] * exits


def _behind(graph: Any, made_by: dict[str, int], end: str) -> set[int]:  # noqa: ANN401
    """The nodes that a tensor needs."""
    found: set[int] = set()
    waiting = [end]
    while waiting:
        index = made_by.get(waiting.pop())
        if index is not None and index not in found:
            found.add(index)
            waiting += graph.node[index].input
    return found
