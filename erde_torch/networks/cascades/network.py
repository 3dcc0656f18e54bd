"""A cascade as one network, and its stages: each member takes the image."""

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from erde_torch.networks.macs import evaluated
from erde_torch.networks.multi_exit import MultiExitNetwork, exit_entropy

_IMAGES, _SAID, _FEATURES = "images", "said", "features"
Shapes = Mapping[str, Sequence[int]]  # of one sample's part of each name


class Cascade(MultiExitNetwork):
    """Networks one after the other; its exits are theirs, in order.

    Args:
        members: from cheap to dear.
        average: whether an exit's logits are the mean of the log-probabilities of the members so
            far (of earlier ones at their last exit); else they are its member's own.
        image_shape: (channels, height, width).
    """

    def __init__(
        self,
        members: Iterable[MultiExitNetwork],
        average: bool,
        image_shape: tuple[int, int, int],
    ) -> None:
        super().__init__(nn.Identity(), ())
        self.members = nn.ModuleList(members)
        self.average, self.image_shape = average, image_shape

    @property
    def exit_count(self) -> int:
        """E, the number of exits of all members."""
        return sum(member.exit_count for member in self.in_order())

    def forward(self, images: Tensor) -> Tensor:
        """Raw logits of every exit, ``(N, E, C)``, of images ``(N, channels, H, W)``."""
        answers, said = [], images.new_zeros(())
        for before, member in enumerate(self.in_order()):
            logits = member(images)
            if self.average:
                log_p = logits.float().log_softmax(dim=2)
                logits, said = (said + log_p) / (before + 1), (said + log_p)[:, -1:]
            answers.append(logits)
        return torch.cat(answers, dim=1)

    def in_order(self) -> Sequence[MultiExitNetwork]:
        """The members."""
        members: Sequence[MultiExitNetwork] = list(self.members)  # type: ignore[arg-type]  # a ModuleList forgets of what
        return members

    def exit_stages(self) -> list[nn.Module]:
        """The stages of all members; each hands on what those after it need, as one tensor."""
        stages: list[nn.Module] = []
        takes: Shapes = {_IMAGES: self.image_shape}
        for before, member in enumerate(self.in_order()):
            inputs = next(member.parameters()).new_zeros(1, *self.image_shape)
            parts = member.exit_stages()
            for index, part in enumerate(parts):
                with evaluated(part):
                    logits, _, inputs = part(inputs)
                ends = index == len(parts) - 1
                gives = self._handed_on(before, ends, logits.shape[1:], inputs.shape[1:])
                stages.append(CascadeStage(part, takes, gives, before + 1 if self.average else 0))
                takes = gives
        return stages

    def _handed_on(
        self, before: int, ends: bool, logits: Sequence[int], features: Sequence[int]
    ) -> Shapes:
        """What later stages need after an exit of the member that has ``before`` before it."""
        last = before == len(self.members) - 1
        images = {} if last else {_IMAGES: self.image_shape}
        said = {_SAID: logits} if self.average and (ends or before) and not (last and ends) else {}
        return images | said | ({} if ends and not last else {_FEATURES: features})


class CascadeStage(nn.Module):
    """A member's stage among what has to travel past it.

    Where more than one tensor travels they are packed as ``(N, numbers of one sample)``: so each
    stage has one input, like the stages of any network.

    Args:
        part: the member's own stage.
        takes: what comes in: images or features, and what earlier members said.
        gives: what goes on.
        averaged: over how many members the log-probabilities are averaged; 0 for none.
    """

    def __init__(self, part: nn.Module, takes: Shapes, gives: Shapes, averaged: int) -> None:
        super().__init__()
        self.part, self.averaged = part, averaged
        self.takes, self.gives = dict(takes), dict(gives)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits float32 ``(N, C)``, entropy in nats float64 ``(N,)``, and what goes on."""
        state = _unpacked(inputs, self.takes)
        logits, entropy, features = self.part(state.get(_FEATURES, state.get(_IMAGES)))
        if self.averaged:
            log_p = logits.log_softmax(dim=1)
            said = state[_SAID] + log_p if _SAID in state else log_p
            logits = said / self.averaged
            entropy = exit_entropy(logits)
            if _FEATURES not in self.gives:  # the member has said its last
                state[_SAID] = said
        return logits, entropy, _packed(state | {_FEATURES: features}, self.gives)


def _packed(state: Mapping[str, Tensor], shapes: Shapes) -> Tensor:
    """The tensors that ``shapes`` names as one; a single one as it is."""
    if len(shapes) == 1:
        return state[next(iter(shapes))]
    return torch.cat([state[name].flatten(1) for name in shapes], dim=1)


def _unpacked(inputs: Tensor, shapes: Shapes) -> dict[str, Tensor]:
    if len(shapes) == 1:
        return {next(iter(shapes)): inputs}
    sizes = [math.prod(shape) for shape in shapes.values()]
    parts = zip(shapes.items(), torch.split(inputs, sizes, dim=1), strict=True)
    return {name: torch.unflatten(part, 1, tuple(shape)) for (name, shape), part in parts}
