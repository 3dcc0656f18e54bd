"""Gradients of stages that several exits share, brought to one scale."""

import torch
from torch import nn


class GradientScaling:
    """Divides the gradient of the stem and of each stage by the number of exits behind it.

    The losses of all exits add up in the early stages, E of them in the first, one in the last. The
    gradient of a parameter then is the mean over the exits that depend on it: what the gradient
    equilibrium of Li et al. (2019, arXiv 1908.06294, section 3.2) gives, whose factors multiply to
    the same. Heads belong to one exit and stay as they are.

    Args:
        network: a multi-exit network, whose gradients are divided.
        kind: ``equilibrium``, or ``none`` to divide nothing.
    """

    def __init__(self, network: nn.Module, kind: str) -> None:
        self._groups: list[tuple[int, list[nn.Parameter]]] = []
        if kind == "equilibrium":
            stages = list(network.get_submodule("stages").children())
            self._groups.append((len(stages), list(network.get_submodule("stem").parameters())))
            self._groups += [
                (len(stages) - index, list(stage.parameters()))
                for index, stage in enumerate(stages[:-1])
            ]

    def apply(self) -> None:
        """Divide the gradients that a backward pass has left."""
        for count, parameters in self._groups:
            gradients = [p.grad for p in parameters if p.grad is not None]
            if gradients:
                torch._foreach_div_(gradients, float(count))
