"""Which device, which precision, how many threads: decided once, at the start of a stage."""

import contextlib
from typing import TypeVar

import torch

from erde_core.errors import ErdeError


def choose_device(name: str) -> torch.device:
    """``cpu``, ``cuda``, or with ``auto`` a GPU where there is one.

    Raises:
        ValueError: ``cuda`` is asked for and PyTorch sees none.
    """
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise ErdeError("device must be available, got 'cuda' but PyTorch sees no GPU")
    forbid_tf32()
    return torch.device("cuda" if name != "cpu" and found else "cpu")


def forbid_tf32() -> None:
    """Let ``float32`` mean float32 in this process.

    PyTorch lets GPUs round the factors of float32 convolutions to TF32's 10 bits, which moves
    logits by about 1e-2: enough to turn decisions that the same network takes on a CPU.
    """
    torch.backends.cudnn.allow_tf32 = False


def choose_precision(name: str, device: torch.device) -> str:
    """``float32`` or ``bf16``; with ``auto`` bf16 where the processor multiplies it natively."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16" if capabilities.get("avx512_bf16") else "float32"


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """The context in which a network runs at ``precision``."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


_Network = TypeVar("_Network", bound=torch.nn.Module)


def on_device(network: _Network, device: torch.device) -> _Network:
    """``network`` itself, moved to ``device``, with channels last in memory."""
    return network.to(device).to(memory_format=torch.channels_last)


def set_threads(threads: int) -> None:
    """Use exactly ``threads`` CPU threads: sums depend on how they are split."""
    torch.set_num_threads(threads)
