"""What may bring an int8 network nearer to float32, beyond the settings: tried, and measured.

Equalisation: Nagel et al., 2019 (arXiv 1906.04721), with the ranges of activations, as weights have
a scale per channel anyway (Xiao et al., 2022, arXiv 2211.10438).
"""

import copy

import numpy as np
from onnx import numpy_helper

from erde_torch.int8 import quantise
from erde_torch.int8.float32_nodes import NEXT, float32_nodes
from erde_torch.int8.runtime import session_with

_BATCH = 64


def attempted(stages, images, settings, equal=False, left=()):
    """Each of ``stages`` in 8 bits, as ``quantised_stages`` gives them.

    Args:
        stages: of the float32 network.
        images: normalised, ``(N, channels, H, W)``.
        settings: how they are quantised.
        equal: equalise the channels between two convolutions first.
        left: layers of stage 0 that stay in float32, names of nodes.
    """
    if equal:
        features, made = images, []
        for stage in stages:
            made.append(equalised(stage, features))
            if len(stage.graph.output) > 1:
                (features,) = _run(stage, [NEXT], features)
        stages = made
    chosen = quantise.float32_nodes
    quantise.float32_nodes = lambda graph: [*float32_nodes(graph), *_here(graph, left)]
    try:
        return quantise.quantised_stages(stages, images, settings)
    finally:
        quantise.float32_nodes = chosen


def equalised(stage, images):
    """A stage that computes the same, its channels between two convolutions of like ranges."""
    model = copy.deepcopy(stage)
    graph, stored = model.graph, {w.name: w for w in model.graph.initializer}
    pairs = list(_between_convolutions(graph))
    if not pairs:
        return model
    names = [middle for _, middle, _ in pairs]
    for (first, _, second), seen in zip(pairs, _run(model, names, images), strict=True):
        before, bias, after = (
            numpy_helper.to_array(stored[name])
            for name in (first.input[1], first.input[2], second.input[1])
        )
        highest, weights = seen.max(axis=(0, 2, 3)), np.abs(after).max(axis=(0, 2, 3))
        alive = (highest > 0) & (weights > 0)
        scale = np.ones(len(highest), np.float32)
        scale[alive] = np.sqrt(highest[alive] / weights[alive])
        scale[alive] /= np.exp(np.log(scale[alive]).mean())
        changed = (before / scale[:, None, None, None], bias / scale, after * scale[:, None, None])
        for name, values in zip((*first.input[1:], second.input[1]), changed, strict=True):
            stored[name].CopyFrom(numpy_helper.from_array(values, name))
    return model


def _here(graph, left):
    """Of ``left`` what is meant in stage 0, which reads images: stages share names of nodes."""
    return left if graph.input[0].name == "images" else ()


def _between_convolutions(graph):
    """(convolution, the tensor behind its ReLU, convolution): nobody else reads the tensor."""
    made_by = {name: node for node in graph.node for name in node.output}
    read = [name for node in graph.node for name in node.input]
    read += [value.name for value in graph.output]
    for second in graph.node:
        relu = made_by.get(second.input[0]) if second.op_type == "Conv" else None
        first = made_by.get(relu.input[0]) if relu and relu.op_type == "Relu" else None
        if first and first.op_type == "Conv" and read.count(relu.output[0]) == 1:
            yield first, relu.output[0], second


def _run(model, names, images):
    """Any tensors of a graph."""
    running, given = session_with(model, names), model.graph.input[0].name
    starts = range(0, len(images), _BATCH)
    parts = [running.run(names, {given: images[n : n + _BATCH]}) for n in starts]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]
