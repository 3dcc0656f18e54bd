"""Stages in 8 bits: ONNX Runtime's static quantisation, all layers, ranges from train images.

In a stage's graph each tensor is quantised and dequantised again (QDQ); a runtime fuses the pairs
with the layer between them. What stays in float32 is in :mod:`erde_torch.int8.float32_nodes`.
"""

import contextlib
import copy
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from erde_core.errors import ErdeError
from erde_core.images import ImageDataset
from erde_torch.export.onnx_graph import stage_models
from erde_torch.images.drawn import drawn
from erde_torch.int8.bias_correction import bias_corrected
from erde_torch.int8.float32_nodes import NEXT, exceptions, float32_nodes, take_back
from erde_torch.int8.runtime import normalised, session
from erde_torch.int8.settings import Int8Settings
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.weights import NetworkCard

PRECISION, FACTS = "precision", "quantisation"  # names of metadata in the graphs
_BATCH = 32  # images: the activations of so many are held at once
_METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
# ONNX Runtime logs advice to fold norms beforehand, unless a graph says that this was done.
_PREPARED = ("onnx.quant.pre_process", "onnxruntime.quant")


def quantised_network(
    network: MultiExitNetwork, card: NetworkCard, dataset: ImageDataset, settings: Int8Settings
) -> list[onnx.ModelProto]:
    """The stages of ``network`` in 8 bits, one per exit, as :func:`stage_models` orders them.

    Args:
        network, card: trained on ``dataset``.
        dataset: of which only train images are looked at.
        settings: how.

    Returns:
        What :func:`quantised_stages` gives.
    """
    pixels = middle(calibration_images(dataset.train.images, settings.images), card.image_shape)
    float32 = stage_models(network, card.image_shape)
    return quantised_stages(float32, normalised(pixels, card), settings)


def calibration_images(train: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """``count`` of the train images ``(N, H, W, channels)``, or all if there are fewer.

    As they are stored, without augmentation; always the same ones.
    """
    chosen = np.sort(drawn(len(train), count))
    return train[chosen]


def middle(pixels: NDArray[np.uint8], image_shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """What the network sees of images that are stored with room for crops: their view 0."""
    height, width = image_shape[1:]
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    return pixels[:, top : top + height, left : left + width]


def quantised_stages(
    stages: Sequence[onnx.ModelProto], images: NDArray[np.float32], settings: Int8Settings
) -> list[onnx.ModelProto]:
    """Each of ``stages`` in 8 bits, its ranges from what the 8-bit stages before it give.

    Where the settings say so, biases are then corrected (:mod:`erde_torch.int8.bias_correction`).

    Args:
        stages: as :func:`stage_models` gives them; not changed.
        images: normalised, ``(N, channels, H, W)``.
        settings: how; their number is that of ``images``.

    Returns:
        Graphs with the inputs and outputs of the float32 stages. Each says ``precision: int8`` in
        its metadata, the first also how it was made (:func:`facts_of`).
    """
    found, theirs, own = [], images, images
    for stage in stages:
        model = _quantised(stage, own, settings)
        if settings.correct_biases:
            model = bias_corrected(stage, model, theirs, own)
        found.append(model)
        if len(stage.graph.output) > 1:
            own = _features(model, own)
            theirs = _features(stage, theirs) if settings.correct_biases else own
    facts = asdict(settings) | {
        "images": len(images),
        "float32_bytes": sum(stage.ByteSize() for stage in stages),
        "exceptions": [entry for e, model in enumerate(found) for entry in exceptions(model, e)],
    }
    text = json.dumps(facts, sort_keys=True)
    onnx.helper.set_model_props(found[0], {PRECISION: "int8", FACTS: text})
    return found


def facts_of(stage0: onnx.ModelProto) -> dict[str, Any]:
    """How a network was quantised: the fields of :class:`Int8Settings`, ``float32_bytes`` of the
    float32 stages, and ``exceptions``, the float32 numbers that stayed: layer, operator, bytes.

    Raises:
        ErdeError: the graph does not say.
    """
    props = {prop.key: prop.value for prop in stage0.metadata_props}
    if FACTS not in props:
        raise ErdeError("stage 0 must say how it was quantised, got no such metadata")
    facts: dict[str, Any] = json.loads(props[FACTS])
    return facts


class _Batches(CalibrationDataReader):  # type: ignore[misc] # it ships no types
    """The images in batches; ONNX Runtime asks for a range of batches at a time."""

    def __init__(self, name: str, images: NDArray[np.float32]) -> None:
        starts = range(0, len(images), _BATCH)
        self.feeds = [{name: images[n : n + _BATCH]} for n in starts]
        self.set_range(0, len(self.feeds))

    def __len__(self) -> int:
        return len(self.feeds)

    def set_range(self, start_index: int, end_index: int) -> None:
        self.left = iter(self.feeds[start_index:end_index])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self.left, None)


def _quantised(
    stage: onnx.ModelProto, images: NDArray[np.float32], settings: Int8Settings
) -> onnx.ModelProto:
    model = copy.deepcopy(stage)  # the quantiser moves weights out of what it is given
    onnx.helper.set_model_props(model, dict([_PREPARED]))
    # Histograms are made with a line of text for each batch.
    quiet = contextlib.redirect_stdout(io.StringIO())
    with tempfile.TemporaryDirectory() as folder, quiet:
        path = Path(folder) / "stage.onnx"
        quantize_static(
            onnx.shape_inference.infer_shapes(model),
            path,
            _Batches(model.graph.input[0].name, images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=settings.reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=float32_nodes(stage.graph),
            calibrate_method=_METHODS[settings.method],
            extra_options={"CalibStridedMinMax": 1},  # one batch of activations at a time
        )
        found = onnx.load(path)
    take_back(found.graph, stage.graph)
    onnx.helper.set_model_props(found, {PRECISION: "int8"})
    onnx.checker.check_model(found, full_check=True)
    return found


def _features(model: onnx.ModelProto, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    running, name = session(model), model.graph.input[0].name
    starts = range(0, len(inputs), _BATCH)
    parts = [running.run([NEXT], {name: inputs[n : n + _BATCH]})[0] for n in starts]
    return np.concatenate(parts)
