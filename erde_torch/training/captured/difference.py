"""Where two states of a training differ, bit for bit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_WHOLE = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes


@dataclass(frozen=True)
class Difference:
    """The first tensor that differs, and by how much at most; NaN where one of both has a NaN."""

    name: str
    largest: float

    def __str__(self) -> str:
        if math.isnan(self.largest):
            return f"{self.name}, of which one has a NaN"
        return f"{self.name} by up to {self.largest:.3g}"


def first_difference(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> Difference | None:
    """Compare tensors of the same names, shapes and dtypes; the host waits once for each device.

    Bits count, not numbers: NaN is equal to itself, and 0 is not -0.
    """
    differing = {
        name
        for device in {tensor.device for tensor in wanted.values()}
        for name in _differing(found, {n: t for n, t in wanted.items() if t.device == device})
    }
    for name, tensor in wanted.items():
        if name in differing:
            distance = (found[name].detach().double() - tensor.double()).abs().max()
            return Difference(name, distance.item())
    return None


def _differing(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
    flags = [(_bits(found[name]) != _bits(tensor)).any() for name, tensor in wanted.items()]
    differ: list[bool] = torch.stack(flags).tolist()
    return [name for name, different in zip(wanted, differ, strict=True) if different]


def _bits(tensor: Tensor) -> Tensor:
    return tensor.detach().view(_WHOLE[tensor.element_size()])
