"""Multiply-accumulates of an ONNX graph, by its shapes. Imports no torch.

Convolutions and matrix products count, whole numbers included; norms, activations and pooling do
not, as everywhere here.
"""

import math
from collections.abc import Iterator, Sequence
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
# What works number by number, beside constants: the exits stay apart behind it.
_NUMBER_BY_NUMBER = {
    *("Abs", "Add", "Cast", "Clip", "Div", "Exp", "Identity", "Log", "Max", "Min", "Mul", "Neg"),
    *("Pow", "Relu", "Sigmoid", "Sqrt", "Sub", "Tanh"),
}
_OVER_CLASSES = {"LogSoftmax", "Softmax"}  # along one axis; ours are (N, exits, classes)
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
        made_by = {out: index for index, node in enumerate(graph.node) for out in node.output}
        ends = _ends(graph, made_by, shapes)
    except _UncountedError as error:
        return None, str(error)
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
    """The tensors at which the exits end: the outputs, or what the only one joins."""
    outputs = [value.name for value in graph.output]
    made = shapes.get(outputs[0], ())
    if len(outputs) > 1 or len(made) != 3 or made[1] == 1:
        return outputs
    ends = list(_joined(graph, made_by, shapes, outputs[0]))
    if len(ends) != made[1]:
        raise _UncountedError(f"where its {made[1]} exits are joined cannot be seen")
    return ends


def _joined(
    graph: Any,  # noqa: ANN401
    made_by: dict[str, int],
    shapes: dict[str, Shape],
    end: str,
) -> Iterator[str]:
    """The single exits in a tensor ``(N, exits, classes)``; itself, where they cannot be told."""
    node = graph.node[made_by[end]] if end in made_by else None
    back = _before(graph, made_by, shapes, node)
    if back is not None:
        yield from _joined(graph, made_by, shapes, back)
    elif node is not None and node.op_type == "Concat" and _axis(node, 0) in (1, -2):
        for part in node.input:
            alone = shapes.get(part, ())[1:2] == (1,)
            yield from [part] if alone else _joined(graph, made_by, shapes, part)
    else:
        yield end


def _before(
    graph: Any,  # noqa: ANN401
    made_by: dict[str, int],
    shapes: dict[str, Shape],
    node: Any,  # noqa: ANN401
) -> str | None:
    """What a node that mixes no exits was given, of its own shape; None of any other node."""
    kind = node.op_type if node is not None else ""
    apart = kind in _OVER_CLASSES and _axis(node, -1) in (2, -1) and "axis" in _names(node)
    if not (kind in _NUMBER_BY_NUMBER or apart):
        return None
    images = {value.name for value in graph.input} - {one.name for one in graph.initializer}
    own = [name for name in node.input if _needs(graph, made_by, name, images)]
    shape = shapes.get(node.output[0])
    same = len(own) == 1 and shape is not None and shapes.get(own[0]) == shape
    return own[0] if same else None


def _needs(graph: Any, made_by: dict[str, int], name: str, images: set[str]) -> bool:  # noqa: ANN401
    """Whether a tensor is made of the images, not of constants alone."""
    reads = {given for index in _behind(graph, made_by, name) for given in graph.node[index].input}
    return bool(images & ({name} | reads))


def _names(node: Any) -> set[str]:  # noqa: ANN401
    return {attribute.name for attribute in node.attribute}


def _axis(node: Any, default: int) -> int:  # noqa: ANN401
    found = [attribute.i for attribute in node.attribute if attribute.name == "axis"]
    return int(found[0]) if found else default


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
