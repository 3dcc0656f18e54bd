"""A module of PyTorch as an ONNX graph for any batch size, without traces of this machine."""

import warnings
from typing import cast

import onnx
import torch
from torch import nn

OPSET = 18


def exported(
    module: nn.Module, inputs: torch.Tensor, name: str, outputs: list[str]
) -> onnx.ModelProto:
    """``module`` in eval mode, whose input ``name`` is ``(N, …)``; checked.

    Args:
        module: from one tensor to as many as there are ``outputs``.
        inputs: an example.
        name: of the input.
        outputs: names.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter, nothing of ours
        program = torch.onnx.export(
            module.eval(),
            (inputs,),
            input_names=[name],
            output_names=outputs,
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            dynamo=True,
            verbose=False,
        )
    model = cast("torch.onnx.ONNXProgram", program).model_proto  # dynamo always gives one
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def _strip(model: onnx.ModelProto) -> None:
    """Remove what the exporter notes of the source code: paths of the machine that exported."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]
