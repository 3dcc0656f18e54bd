"""What every network here is: a stem, E stages one after the other, and a classifier after each."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


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
    def exits(self) -> int:
        """E, the number of exits."""
        return len(self.heads)

    def forward(self, images: Tensor) -> Tensor:
        """Raw logits of every exit, ``(N, E, C)``, of images ``(N, channels, H, W)``."""
        features, logits = self.stem(images), []
        for stage, head in zip(self.stages, self.heads, strict=True):
            features = stage(features)
            logits.append(head(features))
        return torch.stack(logits, dim=1)
