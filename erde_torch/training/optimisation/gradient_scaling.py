"""Gradients of stages that several exits share, brought to one scale."""

from collections.abc import Sequence

import torch
from torch import nn


class GradientScaling:
    """Divides the gradient of the stem and of each stage by the number of exits that learn behind.

    The losses of all exits add up in the early stages, E of them in the first, one in the last. The
    gradient of a parameter then is the mean over the exits that depend on it: what the gradient
    equilibrium of Li et al. (2019, arXiv 1908.06294, section 3.2) gives, whose factors multiply to
    the same. An exit without a loss sends nothing back and is not counted; one whose loss has a
    weight counts as one, and its weight stays part of its loss. Heads belong to one exit and stay
    as they are.

    Args:
        network: a multi-exit network, whose gradients are divided.
        kind: ``equilibrium``, or ``none`` to divide nothing.
        learning: of each exit, whether it has a loss; None where all have.
    """

    def __init__(
        self, network: nn.Module, kind: str, learning: Sequence[bool] | None = None
    ) -> None:
        self._groups: list[tuple[int, list[nn.Parameter]]] = []
        if kind == "equilibrium":
            parts = list(network.get_submodule("stages").children())
            learn = [True] * len(parts) if learning is None else learning
            behind = [sum(learn[index:]) for index in range(len(parts))]
            groups = zip([behind[0], *behind], [network.get_submodule("stem"), *parts], strict=True)
            self._groups = [(n, list(part.parameters())) for n, part in groups if n > 1]

    def apply(self) -> None:
        """Divide the gradients that a backward pass has left."""
        for count, parameters in self._groups:
            gradients = [p.grad for p in parameters if p.grad is not None]
            if gradients:
                torch._foreach_div_(gradients, float(count))
