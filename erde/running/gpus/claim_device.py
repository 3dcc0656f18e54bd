"""The device that a job has to itself: a GPU of its own where there are several, or the CPU."""

import os
from collections.abc import Callable

import torch

from erde.running.gpus.gpu_claim import claim_gpus, claim_share
from erde_torch.device import choose_device


def claim_device(name: str, say: Callable[[str], None], places: int = 1) -> torch.device:
    """What ``name`` chooses; of several GPUs one that no other process of this user has claimed.

    Waits while all are claimed, and says which device it is. With ``places`` above 1, so many
    processes that ask like this one share a GPU.
    """
    device = choose_device(name)
    if device.type == "cpu":
        reserved = os.environ.get("CUDA_VISIBLE_DEVICES")
        unused = f"; reserved and not used: GPU {reserved}" if reserved else ""
        say(f"device: CPU{unused}")
        return device
    names = _gpu_names()
    position = claim_gpus(names, 1, say)[0] if places == 1 else claim_share(names, places, say)
    torch.cuda.set_device(position)
    kind = torch.cuda.get_device_name(position)
    shared = f"; shared by up to {places} jobs" if places > 1 else ""
    say(f"device: GPU {position} of {len(names)} visible, {kind} ({names[position]}){shared}")
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
