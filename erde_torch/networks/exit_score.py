"""The scores of :mod:`erde_core.scores` as PyTorch computes them, inside a network or a graph.

One function per score; ``FUNCTIONS`` is the table of all. Everything is in float64, as in the
evaluation: float32 would move an entropy by up to 1e-6 nats.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from erde_core.errors import ErdeError
from erde_core.scores.fitted import FittedScore
from erde_core.scores.gate import LARGEST_LOG_ODDS, Gate
from erde_torch.networks.multi_exit import exit_entropy


def _max_prob(logits: Tensor) -> Tensor:
    return _others(logits.softmax(dim=1), logits).sum(dim=1)


def _margin(logits: Tensor) -> Tensor:
    others = _others(logits.softmax(dim=1), logits)
    return (others.sum(dim=1) + others.amax(dim=1)).clamp(max=1.0)


def _others(values: Tensor, logits: Tensor) -> Tensor:
    """``values`` ``(N, C)``, with 0 for the class of the largest logit."""
    top = logits.argmax(dim=1, keepdim=True)
    return torch.where(torch.arange(values.shape[1], device=values.device) == top, 0.0, values)


# Logits float64 (N, C) to the score float64 (N,), of each score without parameters of its own.
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "entropy": exit_entropy,
    "max_prob": _max_prob,
    "margin": _margin,
}


class ExitScore(nn.Module):
    """How unsure one exit is: logits float32 ``(N, C)`` in, float64 ``(N,)`` out.

    Args:
        score: what is computed; the entropy where None.
        exit: whose temperature or gate is taken, 0 … E - 1.

    Raises:
        ValueError: a score without a function here.
    """

    def __init__(self, score: FittedScore | None, exit: int) -> None:
        super().__init__()
        self.name = score.name if score else "entropy"
        gated = score is not None and score.gate is not None
        if not gated and self.name not in FUNCTIONS:
            raise ErdeError(
                f"score must be one that PyTorch computes ({', '.join(FUNCTIONS)}), "
                f"got {self.name!r}"
            )
        heat = score.temperatures[exit] if score and score.temperatures is not None else 1.0
        self.tempered = heat != 1.0
        # A buffer: as a plain number it would stand in an exported graph in float32.
        self.register_buffer("temperature", torch.tensor(heat, dtype=torch.float64))
        self.gate = _GateOfExit(score.gate, exit) if score and score.gate else None

    temperature: Tensor

    def fitted(self) -> dict[str, Tensor]:
        """The fitted numbers that it computes with, by name: what tells exits apart."""
        used = {"temperature"} if self.tempered else set()
        return {k: v for k, v in self.named_buffers() if k in used or k.startswith("gate.")}

    def forward(self, logits: Tensor) -> Tensor:
        """NaN for NaN logits."""
        logits = logits.double()
        if self.gate is not None:
            values: Tensor = self.gate(logits)
            return values
        if self.tempered:
            logits = logits / self.temperature
        return FUNCTIONS[self.name](logits)


class _GateOfExit(nn.Module):
    """What ``erde_core.scores.gate`` computes at one exit; 0 at the last, which has no gate."""

    mean: Tensor
    scale: Tensor
    weights: Tensor
    intercept: Tensor

    def __init__(self, gate: Gate, exit: int) -> None:
        super().__init__()
        self.last = exit == len(gate.intercept)
        if not self.last:
            for part in ("mean", "scale", "weights", "intercept"):
                value = torch.tensor(getattr(gate, part)[exit], dtype=torch.float64)
                self.register_buffer(part, value)

    def forward(self, logits: Tensor) -> Tensor:
        if self.last:
            return torch.zeros_like(logits[:, 0])
        shifted = logits - logits.amax(dim=1, keepdim=True)
        log_odds = -_others(shifted.exp(), logits).sum(dim=1).log()
        features = torch.stack(
            [log_odds.clamp(max=LARGEST_LOG_ODDS), _margin(logits), exit_entropy(logits)], dim=1
        )
        standard = (features - self.mean) / self.scale
        return 1 / (1 + (self.intercept + (standard * self.weights).sum(dim=1)).exp())
