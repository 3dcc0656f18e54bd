"""The optimiser, and its learning rate as a function of the step."""

import math

import numpy as np
import torch
from torch import Tensor

from erde_torch.training.settings import TrainSettings

_FINAL_SHARE = 1e-4  # of the peak learning rate, at the last step
_BETA2 = 0.999
# What each optimiser remembers of a parameter: its name in a checkpoint, and in PyTorch.
MEMORY: dict[type[torch.optim.Optimizer], dict[str, str]] = {
    torch.optim.SGD: {"momentum": "momentum_buffer"},
    torch.optim.AdamW: {"mean": "exp_avg", "square": "exp_avg_sq", "step": "step"},
}


def make_optimiser(network: torch.nn.Module, train: TrainSettings) -> torch.optim.Optimizer:
    """SGD or AdamW over all parameters; weight decay acts on matrices and kernels alone.

    On a GPU it is fused, which is what lets it skip a step without asking the host: it does from
    the moment that :func:`bad_loss` is 1.
    """
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": train.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    fused = decayed[0].device.type == "cuda" or None
    if train.optimiser == "adamw":
        betas = train.momentum, _BETA2
        adamw = torch.optim.AdamW(groups, train.learning_rate, betas, fused=fused)
        return _guarded(adamw, decayed[0].device) if fused else adamw
    nesterov = train.momentum > 0
    rates = train.learning_rate, train.momentum
    optimiser = torch.optim.SGD(groups, *rates, nesterov=nesterov, fused=fused)
    if fused and nesterov:
        # Made in the first step they would stay as they come from the allocator, if it is skipped.
        for parameter in network.parameters():
            optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return _guarded(optimiser, decayed[0].device) if fused else optimiser


def _guarded(optimiser: torch.optim.Optimizer, device: torch.device) -> torch.optim.Optimizer:
    bad = torch.zeros((), device=device)
    optimiser.found_inf = bad  # type: ignore[attr-defined]  # what PyTorch's scaler sets
    return optimiser


def bad_loss(optimiser: torch.optim.Optimizer) -> Tensor:
    """1 once a loss was no number, before that 0; a fused optimiser reads it on its device."""
    flag: Tensor = optimiser.found_inf  # type: ignore[attr-defined]  # set by _guarded
    return flag


def learning_rate(train: TrainSettings, step: int, steps: int) -> float:
    """The rate of ``step`` (0 … ``steps`` - 1).

    Both schedules rise linearly over the share ``warmup`` of the steps to the peak;
    ``one_cycle`` then falls linearly, ``cosine`` along half a cosine.
    """
    warmup = train.warmup * steps
    if step < warmup:
        return train.learning_rate * max((step + 1) / (warmup + 1), _FINAL_SHARE)
    done = (step - warmup) / max(steps - 1 - warmup, 1)
    fall = 1 - done if train.schedule == "one_cycle" else (1 + math.cos(math.pi * done)) / 2
    return train.learning_rate * max(fall, _FINAL_SHARE)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float | Tensor) -> None:
    """Use ``rate`` for the next step.

    A fused optimiser is given the float32 that is nearest. A rate that lies on its device, float32
    without axes, is read there, in every replay of a captured step anew; both give the same bits.
    """
    for group in optimiser.param_groups:
        on_host = group.get("fused") and not isinstance(rate, Tensor)
        group["lr"] = float(np.float32(rate)) if on_host else rate
