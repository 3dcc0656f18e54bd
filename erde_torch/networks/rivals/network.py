"""Plain networks that cost as much as the student's exits, and how they learn.

Two kinds per exit: the student cut off after that exit, and (the harder rival) the whole student
made narrower until it costs the same. Both learn by the experiment's plain distillation at their
one exit, from the teacher's last. What early exit is worth beside them: ``evaluation/rivals.py``.
"""

from dataclasses import replace
from typing import NamedTuple

from erde_core.errors import ErdeError
from erde_core.settings import LossSettings
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs, plain_macs
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.rivals.names import rival_end, rival_exit
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.shapes_only import shapes_only

_WIDTH_STEPS = 512  # widths are multiples of 1 / 512: one channel of the widest stage
Shape = tuple[int, int, int]


class Rival(NamedTuple):
    """A plain network as a network of several exits, of which one learns.

    Attributes:
        network: its settings.
        exit_count: how many exits it has.
        ends_at: the exit that learns.
    """

    network: NetworkSettings
    exit_count: int
    ends_at: int


def rival_macs(rival: str, network: MultiExitNetwork, shape: Shape) -> int:
    """What it costs as what it is, without the heads that have not learnt: multiply-accumulates."""
    return plain_macs(network, shape, rival_end(rival, network.exit_count))


def rival_network(rival: str, network: NetworkSettings, classes: int, shape: Shape) -> Rival:
    """What to train.

    A narrow rival is the widest whose plain MACs do not exceed those of the student's exit.

    Raises:
        ValueError: the student has no such exit, its family no widths, or none is cheap enough.
    """
    kind, e = rival_exit(rival)
    whole = _build(network, classes, shape)
    if e > whole.exit_count - 1 - (kind == "narrow"):
        raise ErdeError(f"rival must be of one of {whole.exit_count} exits, got {rival!r}")
    if kind == "truncated":
        return Rival(network, whole.exit_count, e)
    budget, last = int(exit_macs(whole, shape)[e]), whole.exit_count - 1
    low, high = 0, round(network.width * _WIDTH_STEPS)
    while low < high:
        middle = (low + high + 1) // 2
        built = _build(_narrowed(network, middle), classes, shape)
        if plain_macs(built, shape, last) <= budget:
            low = middle
        else:
            high = middle - 1
    if not low:
        raise ErdeError(f"rival {rival} must cost at most {budget} MACs, none is so narrow")
    return Rival(_narrowed(network, low), whole.exit_count, last)


def rival_loss(kd: LossSettings, exits: int, e: int) -> LossSettings:
    """``kd`` at exit ``e`` alone, whatever weights it gives the exits and wherever it imitates.

    It knows no exit of its own that it could imitate: those after ``e`` learn nothing.
    """
    alone = tuple(float(i == e) for i in range(exits))
    return replace(kd, kd_exits="all", entropy_exits="all", self_weight=0.0, exit_weights=alone)


def _narrowed(network: NetworkSettings, steps: int) -> NetworkSettings:
    """As wide as ``steps`` say; its early heads learn nothing, so they may be the smallest."""
    return replace(
        network, width=steps / _WIDTH_STEPS, head="linear", head_pool="auto", weights=None
    )


def _build(network: NetworkSettings, classes: int, shape: Shape) -> MultiExitNetwork:
    with shapes_only():
        return build_network(network, classes, shape)
