"""ONNX Runtime as the deployment's runner uses it: one thread, and the same pixels, bit for bit.

In 8 bits a difference in the last bit of an input can turn a rounding, and with it an answer.
"""

import copy
import os
from collections.abc import Iterable

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from erde_torch.networks.weights import NetworkCard

# Else the first import of ONNX Runtime writes into the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    """``model`` ready to run on the CPU.

    Raises:
        Exception: ONNX Runtime has an error of its own for each reason not to take a model.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def session_with(model: onnx.ModelProto, names: Iterable[str]) -> ort.InferenceSession:
    """``model`` ready to run, which also gives the tensors of these names, float32."""
    shown = copy.deepcopy(model)
    known = {value.name for value in shown.graph.output}
    shown.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for name in names
        if name not in known
    )
    return session(shown)


def normalised(pixels: NDArray[np.uint8], card: NetworkCard) -> NDArray[np.float32]:
    """Images uint8 ``(N, H, W, channels)`` as stage 0 reads them, float32 ``(N, channels, H, W)``.

    In the order of operations of ``Runner.logits``: a test compares the bits.
    """
    std, mean = (np.array(v, np.float32).reshape(-1, 1, 1) for v in (card.std, card.mean))
    scale, shift = 1 / (std * 255), mean / std
    planes = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    found: NDArray[np.float32] = np.multiply(planes, scale)
    found -= shift
    return found
