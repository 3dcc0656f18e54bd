"""Rows of logits in float16: what lies far from 0 is moved there first, which no loss notices.

Every term of the loss reads differences within a row alone, and float16 has 11 bits for what lies
between 0 and its size: log-likelihoods around -20000 would all be one number. So a row whose second
largest logit is far from 0 is stored less that logit. Measured from there, the answer, its lead
and the order of all others (as decoupled KD compares them) are exact to 2⁻¹¹ of themselves; from
the largest, the others behind a very sure answer would not be. All other rows keep their bits.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from erde_core.errors import ErdeError
from erde_core.store.teacher_logits_writer import LARGEST

# Up to here float16 is off by at most 1/32; logarithms of float32's smallest number are at -87.3.
NEAR = 128.0


def in_float32(logits: NDArray[np.floating[Any]]) -> Tensor:
    """Rows ``(..., C)`` in float32, which may round wider ones far from 0 as float16 does narrower.

    What is float32 or narrower keeps its bits.
    """
    if logits.dtype.itemsize <= 4:
        return torch.from_numpy(logits.astype(np.float32))
    wide = torch.from_numpy(logits.astype(np.float64))
    second = _second(wide)
    return (wide if second is None else wide - second).float()


def as_float16(logits: Tensor, precision: str = "float32") -> Tensor:
    """Rows ``(..., C)`` as the cache holds them.

    Args:
        logits: float32.
        precision: of the arithmetic that they come from, ``float32`` or ``bf16``.

    Raises:
        ValueError: a logit is not finite, or lies 65504 or more from where its row is stored; or a
            row far from 0 comes from bf16, which had only 8 bits for it.
    """
    second = _second(logits)
    if second is not None and precision == "bf16" and bool(second.any()):
        raise ErdeError(
            "cache.precision must be float32 for a teacher whose second largest logit is "
            f"{NEAR:g} or more from 0, where bf16 is off by 1/2 and more, got bf16"
        )
    moved = logits if second is None else logits - second
    size = moved.abs()
    if not bool((size < LARGEST).all()):
        raise ErdeError(
            f"teacher logits must be finite and below {LARGEST:g} in size, or, in rows far from 0, "
            f"below it from the second largest (float16 holds no more), got {float(size.max()):.6g}"
        )
    return moved.to(torch.float16)


def _second(logits: Tensor) -> Tensor | None:
    """What is subtracted from each row, ``(..., 1)``, 0 from most; None where nothing is."""
    if not logits.numel() or logits.shape[-1] < 2:
        return None
    low, high = logits.aminmax(dim=-1)  # many times cheaper than the second largest
    far = (low <= -NEAR) | (high >= NEAR)
    if not bool(far.any()):
        return None
    second = logits[far].topk(2).values[:, 1]
    moved = (second.abs() >= NEAR) & second.isfinite()
    found = torch.zeros_like(high)
    found[far] = torch.where(moved, second, 0)
    return found[..., None]
