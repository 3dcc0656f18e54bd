"""The exponential moving average of a network's weights."""

import copy
from collections.abc import Iterator, Mapping
from itertools import chain

import torch
from torch import Tensor, nn

_COUNT, _MODULE = "n_averaged", "module."


class WeightAverage:
    """The average of all weights and buffers so far; it starts with those of the first step.

    As ``torch.optim.swa_utils.AveragedModel``, with the number of steps on the host alone: that
    one copies it to the device in every step, and waits for it.

    Args:
        network: on its device, where it stays.
        decay: weight of what was averaged before, 0 … 1.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(network)
        self._decay, self._count = decay, 0
        pairs = list(zip(_tensors(self.module), _tensors(network), strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._integers = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the network's current weights."""
        self._count += 1
        floats, integers = _columns(self._floats), _columns(self._integers)
        if self._count == 1:
            for own, current in (floats, integers):
                torch._foreach_copy_(own, current)
            return
        torch._foreach_lerp_(*floats, 1 - self._decay)
        if integers[0]:  # counters of batches: rounded down
            mean = torch._foreach_mul(integers[0], self._decay)
            torch._foreach_add_(mean, torch._foreach_mul(integers[1], 1 - self._decay))
            torch._foreach_copy_(integers[0], mean)

    def count_replay(self) -> None:
        """A captured :meth:`update` was done again: the device knows, the host does not."""
        self._count += 1

    def tensors(self) -> dict[str, Tensor]:
        """All that :meth:`restore` needs, by name."""
        held = {_MODULE + name: t for name, t in self.module.state_dict().items()}
        return {_COUNT: torch.tensor(self._count)} | held

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of :meth:`tensors`."""
        self._count = int(tensors[_COUNT])
        held = {n.removeprefix(_MODULE): t for n, t in tensors.items() if n != _COUNT}
        self.module.load_state_dict(held)


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    return (t.detach() for t in chain(network.parameters(), network.buffers()))


def _columns(pairs: list[tuple[Tensor, Tensor]]) -> tuple[list[Tensor], list[Tensor]]:
    return [own for own, _ in pairs], [current for _, current in pairs]
