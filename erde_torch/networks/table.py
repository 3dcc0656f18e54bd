"""NETWORKS, the table of all networks: one entry per family. Imports no torch.

An entry holds what a plan must know of a family before anything is built. What the family computes
stands in its own module: the code hash of a training reads that one and not this table.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from erde_core.errors import ErdeError

TIMM = "timm/"


@dataclass(frozen=True, kw_only=True)
class Family:
    """Networks that one module makes.

    Attributes:
        builder: ``"module:function"``; see :class:`erde_torch.networks.multi_exit.Backbone`.
        blocks: of each published name, the number of blocks in each stage.
        channels: of the first feature maps, at width 1.
        maps: feature maps of that many channels and of the image's size that forward and backward
            of one image keep alive; a bound on memory. By name, or for all by the empty name.
        shrinks: by stem, how many times smaller than the image's sides the maps of each stage are,
            rounded up; a plan asks PyTorch about stems that are not named.
        needs: distributions beside torch, whose versions count as part of the family's code.
        scalable: whether ``width`` and ``stem`` can be chosen.
    """

    builder: str
    blocks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    channels: int
    maps: Mapping[str, int]
    shrinks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    scalable: bool = True

    @property
    def module(self) -> str:
        """The dotted name of the module that makes it."""
        return self.builder.partition(":")[0]

    def maps_of(self, name: str) -> int:
        """``maps`` of one network."""
        return self.maps.get(name, self.maps.get("", 0))

    def load(self) -> Callable[..., Any]:
        """The function that makes it; imports torch."""
        module, _, function = self.builder.partition(":")
        builder: Callable[..., Any] = getattr(importlib.import_module(module), function)
        return builder


_FAMILIES = "erde_torch.networks.families"

NETWORKS = {
    "resnet": Family(
        builder=f"{_FAMILIES}.resnet:backbone",
        blocks={
            "resnet10": (1, 1, 1, 1),
            "resnet18": (2, 2, 2, 2),
            "resnet34": (3, 4, 6, 3),
            "resnet50": (3, 4, 6, 3),
        },
        channels=64,
        # Peaks measured on a CPU (26, 39, 55 and 159), rounded up by a half.
        maps={"resnet10": 40, "resnet18": 60, "resnet34": 85, "resnet50": 240},
        shrinks={"small": (1, 2, 4, 8), "imagenet": (4, 8, 16, 32)},
    ),
    "cifar_resnet": Family(
        builder=f"{_FAMILIES}.cifar_resnet:backbone",
        blocks={"resnet8x4": (1, 1, 1), "resnet32x4": (5, 5, 5)},
        channels=64,
        # Here and below: three times what autograd keeps of one image (the peaks above are
        # at most twice that), rounded up.
        maps={"resnet8x4": 40, "resnet32x4": 125},
        shrinks={"small": (1, 2, 4), "imagenet": (4, 8, 16)},
    ),
    "wide_resnet": Family(
        builder=f"{_FAMILIES}.wide_resnet:backbone",
        blocks={"wrn16_1": (2, 2, 2), "wrn16_2": (2, 2, 2), "wrn40_2": (6, 6, 6)},
        channels=16,
        maps={"wrn16_1": 60, "wrn16_2": 110, "wrn40_2": 280},
        shrinks={"small": (1, 2, 4), "imagenet": (4, 8, 16)},
    ),
    "mobilenet_v2": Family(
        builder=f"{_FAMILIES}.mobilenet_v2:backbone",
        blocks={"mobilenetv2": (3, 3, 7, 4)},
        channels=32,
        maps={"mobilenetv2": 115},
        shrinks={"small": (2, 4, 8, 16), "imagenet": (4, 8, 16, 32)},
    ),
    "shufflenet_v2": Family(
        builder=f"{_FAMILIES}.shufflenet_v2:backbone",
        blocks={"shufflenetv2": (4, 8, 4)},
        channels=24,
        maps={"shufflenetv2": 180},
        shrinks={"small": (2, 4, 8), "imagenet": (8, 16, 32)},
    ),
    "timm": Family(
        builder=f"{_FAMILIES}.timm_model:backbone",
        channels=64,
        maps={"": 120},
        needs=("timm",),
        scalable=False,
    ),
}


def known_names() -> list[str]:
    """All published names, in the table's order."""
    return [name for family in NETWORKS.values() for name in family.blocks]


def family_of(name: str) -> Family:
    """The entry of the network called ``name``.

    Raises:
        ValueError: no family has it.
    """
    if name.startswith(TIMM):
        return NETWORKS["timm"]
    for family in NETWORKS.values():
        if name in family.blocks:
            return family
    raise ErdeError(f"name must be one of {', '.join(known_names())}, timm/<model>, got {name!r}")
