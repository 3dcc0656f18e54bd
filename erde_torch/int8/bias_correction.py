"""Biases that make up for what rounding the weights moves a layer's mean output by.

Source: Nagel et al., 2019 (arXiv 1906.04721), section 4.2, with means over calibration images.
"""

import copy
from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from erde_torch.int8.runtime import session_with

_BATCH = 32  # images: the activations of so many are held at once
_WITH_BIAS = ("Conv", "Gemm")


def bias_corrected(
    stage: onnx.ModelProto,
    quantised: onnx.ModelProto,
    images: NDArray[np.float32],
    own: NDArray[np.float32],
) -> onnx.ModelProto:
    """The 8-bit stage; over the images each layer's mean output per channel is float32's again.

    Args:
        stage: in float32.
        quantised: made of it; not changed.
        images, own: what the stages before it give, in float32 and in 8 bits, ``(N, ...)``.
    """
    model = copy.deepcopy(quantised)
    nodes = {node.name: node for node in model.graph.node}
    layers = [n for n in stage.graph.node if n.op_type in _WITH_BIAS and len(n.input) > 2]
    wanted = channel_means(stage, [layer.output[0] for layer in layers], images)
    for layer, mean in zip(layers, wanted, strict=True):  # in order: each moves those behind it
        node = nodes[layer.name]
        (found,) = channel_means(model, [node.output[0]], own)
        _add_to_bias(model.graph, node, mean - found)
    return model


def channel_means(
    model: onnx.ModelProto, names: Sequence[str], images: NDArray[np.float32]
) -> list[NDArray[np.float64]]:
    """The mean of each named tensor over images, rows and columns, per channel ``(C,)``."""
    running, given = session_with(model, names), model.graph.input[0].name
    sums: list[NDArray[np.float64]] = [np.zeros(())] * len(names)
    for start in range(0, len(images), _BATCH):
        part = images[start : start + _BATCH]
        values = running.run(list(names), {given: part})
        shares = [_per_channel(value) * len(part) / len(images) for value in values]
        sums = [total + share for total, share in zip(sums, shares, strict=True)]
    return sums


def _per_channel(values: NDArray[np.float32]) -> NDArray[np.float64]:
    others = tuple(axis for axis in range(values.ndim) if axis != 1)
    found: NDArray[np.float64] = values.mean(axis=others, dtype=np.float64)
    return found


def _add_to_bias(
    graph: onnx.GraphProto, node: onnx.NodeProto, missing: NDArray[np.float64]
) -> None:
    stored = {weight.name: weight for weight in graph.initializer}
    made_by = {name: other for other in graph.node for name in other.output}
    linear = made_by.get(node.input[2])  # of a layer that stayed in float32 nothing
    bias = stored[linear.input[0] if linear else node.input[2]]
    values = numpy_helper.to_array(bias)
    if linear:
        missing = np.rint(missing / numpy_helper.to_array(stored[linear.input[1]]))
    changed = (values + missing).astype(values.dtype)
    bias.CopyFrom(numpy_helper.from_array(changed, bias.name))
