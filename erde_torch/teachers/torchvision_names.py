"""The names that torchvision and timm give to the tensors of a plain ResNet, for our own.

Both libraries name them alike: ``conv1``, ``bn1``, ``layer1.0.conv1``, ``layer2.0.downsample.0``,
``fc``. The networks are the same function: stem, blocks (the bottleneck's stride at its 3×3
convolution, as in torchvision), global average pooling, one linear layer.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from erde_core.errors import ErdeError

# Of a block: convolutions and norms as they follow each other in its ``body``.
_BODY = {0: "conv1", 1: "bn1", 3: "conv2", 4: "bn2", 6: "conv3", 7: "bn3"}
_STEM = {0: "conv1", 1: "bn1"}
_COUNTER = ".num_batches_tracked"
_UNTRANSLATED = {
    "MobileNetV2": {"features.0.0.weight", "features.1.conv.0.0.weight", "classifier.1.weight"},
    "ShuffleNetV2": {"conv1.0.weight", "stage2.0.branch1.0.weight", "fc.weight"},
}
_OURS = re.compile(r"(?:stem\.(\d+)|stages\.0\.(\d+)\.(body|shortcut)\.(\d+)|heads\.0\.2)\.(\w+)")


def is_plain_resnet(names: Iterable[str]) -> bool:
    """Whether these may be the names of a plain ResNet in torchvision or timm."""
    return {"conv1.weight", "layer1.0.conv1.weight", "fc.weight"} <= set(names)


def untranslated(names: Iterable[str]) -> str | None:
    """Which network of torchvision's these name that is not translated; None of all others."""
    known = set(names)
    return next((name for name, of in _UNTRANSLATED.items() if of <= known), None)


def their_name(ours: str, blocks: Sequence[int]) -> str:
    """What they call a tensor of our ResNet with one exit.

    Args:
        ours: in ``state_dict`` of the network with ``exits: []``.
        blocks: of each of its stages, how many there are.
    """
    found = _OURS.fullmatch(ours)
    if found is None:
        raise ErdeError(f"ours must be a tensor of a ResNet with one exit, got {ours!r}")
    stem, block, part, layer, leaf = found.groups()
    if stem is not None:
        return f"{_STEM[int(stem)]}.{leaf}"
    if block is None:
        return f"fc.{leaf}"
    stage, index = 0, int(block)
    while index >= blocks[stage]:
        stage, index = stage + 1, index - blocks[stage]
    inner = _BODY[int(layer)] if part == "body" else f"downsample.{layer}"
    return f"layer{stage + 1}.{index}.{inner}.{leaf}"


def with_counters(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``found``, and the counts of batches that old files leave out and no answer reads."""
    counts = {
        name: torch.zeros((), dtype=torch.int64)
        for name in wanted
        if name.endswith(_COUNTER) and name not in found
    }
    return {**found, **counts}
