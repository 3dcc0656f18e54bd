"""What every network here is: a stem, E stages one after the other, and a classifier after each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network without heads, as its family makes it of settings, image shape and block counts.

    Attributes:
        stem: what comes before the first stage.
        blocks: (stage, block) in order; made when asked for, so that the heads draw their weights
            in between.
        counts: of each stage, how many blocks there are.
        features: the format of what blocks give, one of ``erde_torch.networks.heads.FORMATS``.
        prefix_tokens: of ``NLC``, how many tokens at the front are no part of the image.
        initialised: whether its weights are to stay as they are.
    """

    stem: nn.Module
    blocks: Iterable[tuple[int, nn.Module]]
    counts: tuple[int, ...]
    features: str = "NCHW"
    prefix_tokens: int = 0
    initialised: bool = False


class ExitStage(nn.Module):
    """One stage and its head: images or features in; logits, entropy and features out.

    Args:
        body: what comes before this exit and after the last one, the stem included in the first.
        head: features to logits ``(N, C)``.
    """

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits float32 ``(N, C)``, entropy in nats float64 ``(N,)``, and features."""
        features = self.body(inputs)
        logits = self.head(features).float()
        return logits, exit_entropy(logits), features


def exit_entropy(logits: Tensor) -> Tensor:
    """Entropy in nats, float64 ``(N,)``, of logits ``(N, C)``; 0 · log 0 is 0, NaN stays NaN."""
    # The evaluation uses float64 too; float32 would change an entropy by up to 1e-6 nats.
    log_p = logits.double().log_softmax(dim=1)
    p = log_p.exp()
    return torch.where(p == 0, 0.0, p * log_p).sum(dim=1).abs()


class MultiExitNetwork(nn.Module):
    """E stages, each followed by a classifier.

    Args:
        stem: what comes before the first stage.
        parts: (stage, head) E times; each stage maps the features of the one before. They are
            asked for one by one, so that a generator decides in which order weights are drawn.
    """

    def __init__(self, stem: nn.Module, parts: Iterable[tuple[nn.Module, nn.Module]]) -> None:
        super().__init__()
        self.stem = stem
        self.stages, self.heads = nn.ModuleList(), nn.ModuleList()
        for stage, head in parts:
            self.stages.append(stage)
            self.heads.append(head)

    @property
    def exit_count(self) -> int:
        """E, the number of exits."""
        return len(self.heads)

    def forward(self, images: Tensor) -> Tensor:
        """Raw logits of every exit, ``(N, E, C)``, of images ``(N, channels, H, W)``."""
        features, logits = self.stem(images), []
        for stage, head in zip(self.stages, self.heads, strict=True):
            features = stage(features)
            logits.append(head(features))
        return torch.stack(logits, dim=1)

    def in_order(self) -> Sequence["MultiExitNetwork"]:
        """The networks that see the image one after the other: itself, or a cascade's members."""
        return [self]

    def exit_stages(self) -> list[nn.Module]:
        """Its E parts, each from what the one before hands on to what :class:`ExitStage` gives."""
        bodies = [nn.Sequential(self.stem, self.stages[0]), *self.stages[1:]]
        parts = zip(bodies, self.heads, strict=True)
        return [ExitStage(body, head) for body, head in parts]
