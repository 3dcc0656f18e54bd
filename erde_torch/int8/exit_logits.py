"""What every exit of an int8 network says of images as they are, through ONNX Runtime."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray

from erde_core.images import ImageDataset
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_torch.int8.runtime import normalised, session
from erde_torch.int8.stages import stages_hash
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.weights import NetworkCard

_BATCH = 64


def int8_exit_logits(
    stages: Sequence[onnx.ModelProto],
    network: MultiExitNetwork,
    card: NetworkCard,
    dataset: ImageDataset,
    dataset_hash: str,
) -> ExitLogits:
    """Exit logits of the validation and test splits, and the MACs per exit, those of ``network``.

    Args:
        stages: of ``network`` in 8 bits.
        network, card: that they were made from.
        dataset, dataset_hash: that it was trained on.

    Raises:
        ValueError: the network was trained on another data set, or its card lies about it.
    """
    card.check_data(dataset, dataset_hash)
    val, test = (
        SplitLogits(split_logits(stages, card, split.images), split.labels, split.group)
        for split in (dataset.val, dataset.test)
    )
    macs = exit_macs(network, card.image_shape)
    own = macs, dataset_hash, stages_hash(stages)
    return ExitLogits(val, test, *own, precision="int8", trained=card.precision)


def split_logits(
    stages: Sequence[onnx.ModelProto], card: NetworkCard, pixels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Logits ``(N, E, C)`` of images uint8 ``(N, H, W, channels)``."""
    running = [session(stage) for stage in stages]
    parts: list[NDArray[np.float32]] = []
    for start in range(0, len(pixels), _BATCH):
        features, logits = normalised(pixels[start : start + _BATCH], card), []
        for stage in running:
            said, *more = stage.run(None, {stage.get_inputs()[0].name: features})
            logits.append(said)
            features = more[-1] if more else features
        parts.append(np.stack(logits, axis=1))
    return np.concatenate(parts)
