"""A network to its end, as one would ship it that has no early exits."""

from collections.abc import Sequence

import torch
from torch import nn

from erde_torch.networks.counting.counter import counted_macs
from erde_torch.networks.macs import evaluated
from erde_torch.networks.multi_exit import MultiExitNetwork


class WholeNetwork(MultiExitNetwork):
    """A multi-exit network to its end, early heads left out: one stage, one head.

    A cascade's end is its last member, or where it averages all members together.
    """

    def __init__(self, network: MultiExitNetwork) -> None:
        members = network.in_order()
        if getattr(network, "average", False):
            wholes = [WholeNetwork(member) for member in members]
            super().__init__(nn.Identity(), [(nn.Identity(), _MeanAnswer(wholes))])
        else:
            end = members[-1]
            super().__init__(end.stem, [(nn.Sequential(*end.stages), end.heads[-1])])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, C)``."""
        logits: torch.Tensor = self.heads[0](self.stages[0](self.stem(images)))
        return logits

    def exit_stages(self) -> list[nn.Module]:
        """As of any network: ``forward`` leaves out the axis of exits, and nothing else."""
        return super().exit_stages()


class _MeanAnswer(nn.Module):
    """The mean of log-probabilities of whole networks."""

    def __init__(self, wholes: Sequence[WholeNetwork]) -> None:
        super().__init__()
        self.wholes = nn.ModuleList(wholes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        said = [whole(images).float().log_softmax(dim=1) for whole in self.wholes]
        return torch.stack(said).mean(dim=0)


def whole_macs(network: MultiExitNetwork, image_shape: tuple[int, int, int]) -> int:
    """MACs of one image through ``network`` without its early heads."""
    device = next(network.parameters()).device
    whole = WholeNetwork(network)
    with evaluated(whole), counted_macs() as counter:
        whole(torch.zeros(1, *image_shape, device=device))
    return counter.macs
