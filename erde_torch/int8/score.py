"""The score inside the graphs of an int8 network, fitted to what its 8-bit exits say.

A network is quantised with the entropy in its graphs. Temperatures and gates can be fitted only
afterwards, to the logits that the quantised network gives; then this score takes its place. Its
nodes follow the logits, which are in float32, so it is as exact as a float32 network's.
"""

import copy
from collections.abc import Sequence

import onnx

from erde_core.scores.fitted import FittedScore
from erde_torch.export.score_graph import add_score
from erde_torch.int8.float32_nodes import score_nodes


def with_score(stages: Sequence[onnx.ModelProto], score: FittedScore) -> list[onnx.ModelProto]:
    """The stages of an int8 network with ``score`` in place of the entropy.

    Logits and features stay as they are, bit for bit. The bare entropy changes nothing at all.

    Args:
        stages: as ``quantised_stages`` gives them; not changed.
        score: fitted to the exit logits of these stages.

    Raises:
        ValueError: a score that PyTorch does not compute.
    """
    if score.label == "entropy":
        return list(stages)
    early = [
        add_score(_without_score(stage), score, exit, score.classes)
        for exit, stage in enumerate(stages[:-1])
    ]
    return [*early, stages[-1]]


def _without_score(stage: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of an early stage that writes logits and features alone."""
    found = copy.deepcopy(stage)
    graph = found.graph
    left_out = {node.name for node in score_nodes(graph)}
    for node in [node for node in graph.node if node.name in left_out]:
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for weight in [weight for weight in graph.initializer if weight.name not in used]:
        graph.initializer.remove(weight)
    logits, _, features = graph.output
    kept = [copy.deepcopy(logits), copy.deepcopy(features)]
    del graph.output[:]
    graph.output.extend(kept)
    return found
