"""Plain networks that cost as much as the student's exits, and how they learn.

Two kinds per exit: the student cut off after that exit, and (the harder rival) the whole student
made narrower until it costs the same. Both learn by the experiment's plain distillation at their
one exit, from the teacher's last. What early exit is worth beside them: ``evaluation/rivals.py``.
"""

from dataclasses import replace

from erde_core.settings import LossSettings
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.resnet import MultiExitResNet
from erde_torch.networks.rival_names import rival_exit
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.shapes_only import shapes_only

_WIDTH_STEPS = 512  # widths are multiples of 1 / 512: one channel of the widest stage
Shape = tuple[int, int, int]


def rival_network(
    rival: str, network: NetworkSettings, classes: int, shape: Shape
) -> tuple[float, int]:
    """The rival's width and the exit at which it ends.

    A narrow rival is the widest whose plain MACs do not exceed those of the student's exit.
    """
    kind, e = rival_exit(rival)
    if kind == "truncated":
        return network.width, e
    budget = int(exit_macs(_build(network, network.width, classes, shape), shape)[e])
    low, high = 1, round(network.width * _WIDTH_STEPS)
    while low < high:
        middle = (low + high + 1) // 2
        built = _build(network, middle / _WIDTH_STEPS, classes, shape)
        if plain_macs(built, shape, built.exits - 1) <= budget:
            low = middle
        else:
            high = middle - 1
    return low / _WIDTH_STEPS, 3


def rival_loss(kd: LossSettings, exits: int, e: int) -> LossSettings:
    """``kd`` at exit ``e`` alone, whatever weights it gives the exits."""
    return replace(kd, exit_weights=tuple(float(i == e) for i in range(exits)))


def plain_macs(network: MultiExitResNet, shape: Shape, e: int) -> int:
    """MACs of one image to the end of exit ``e``, without the heads before it."""
    earlier = sum(head[-1].in_features * head[-1].out_features for head in network.heads[:e])
    return int(exit_macs(network, shape)[e]) - earlier


def _build(network: NetworkSettings, width: float, classes: int, shape: Shape) -> MultiExitResNet:
    settings = replace(network, width=width)
    with shapes_only():
        return MultiExitResNet(settings, classes, shape)
