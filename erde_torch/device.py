"""Which device, which precision, how many threads: decided once, at the start of a stage."""

import contextlib
import os
from collections.abc import Callable

import torch

from erde_torch.gpu_claim import claim_gpus


def choose_device(name: str) -> torch.device:
    """``cpu``, ``cuda``, or with ``auto`` a GPU where there is one.

    Raises:
        ValueError: ``cuda`` is asked for and PyTorch sees none.
    """
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise ValueError("device must be available, got 'cuda' but PyTorch sees no GPU")
    return torch.device("cuda" if name != "cpu" and found else "cpu")


def claim_device(name: str, say: Callable[[str], None]) -> torch.device:
    """What ``name`` chooses; of several GPUs one that no other process of this user has claimed.

    Waits while all are claimed, and says which device it is.
    """
    device = choose_device(name)
    if device.type == "cpu":
        reserved = os.environ.get("CUDA_VISIBLE_DEVICES")
        unused = f"; reserved and not used: GPU {reserved}" if reserved else ""
        say(f"device: CPU{unused}")
        return device
    names = _gpu_names()
    (position,) = claim_gpus(names, 1, say)
    torch.cuda.set_device(position)
    kind = torch.cuda.get_device_name(position)
    say(f"device: GPU {position} of {len(names)} visible, {kind} ({names[position]})")
    return torch.device("cuda", position)


def claim_for_children(count: int, say: Callable[[str], None]) -> None:
    """Claim ``count`` GPUs while this process lives, and let the programs it starts see no others.

    Raises:
        ValueError: ``count`` is more than there are.
    """
    names = _gpu_names()
    positions = claim_gpus(names, count, say)
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    numbers = listed.split(",") if listed else [str(i) for i in range(len(names))]
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(numbers[position] for position in positions)
    say(f"devices: GPUs {', '.join(map(str, positions))} of {len(names)} visible")


def _gpu_names() -> list[str]:
    """What a GPU is called in every process that sees it."""
    count = torch.cuda.device_count()
    return [str(torch.cuda.get_device_properties(number).uuid) for number in range(count)]


def choose_precision(name: str, device: torch.device) -> str:
    """``float32`` or ``bf16``; with ``auto`` bf16 where the processor multiplies it natively."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16" if capabilities.get("avx512_bf16") else "float32"


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager:
    """The context in which a network runs at ``precision``."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def set_threads(threads: int) -> None:
    """Use exactly ``threads`` CPU threads: sums depend on how they are split."""
    torch.set_num_threads(threads)
