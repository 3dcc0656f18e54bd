"""Which device, which precision, how many threads: decided once, at the start of a stage."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any, TypeVar

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
    """Let ``float32`` mean float32 in this process, whatever the environment says.

    PyTorch lets GPUs round the factors of float32 convolutions to TF32's 10 bits, which moves
    logits by about 1e-2: enough to turn decisions that the same network takes on a CPU.
    """
    os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # NVIDIA's libraries read it when they start
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    # The old names first: whoever reads them is refused where only the new ones were set.
    cudnn.allow_tf32 = matmul.allow_tf32 = False
    parts: list[Any] = [getattr(cudnn, "conv", None), getattr(cudnn, "rnn", None), matmul]
    for part in parts:
        if hasattr(part, "fp32_precision"):  # since PyTorch 2.9; "none" would ask a wider setting
            part.fp32_precision = "ieee"


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


class NoRoomError(ErdeError):
    """The device has too little memory; the message names the setting to change."""


@contextlib.contextmanager
def room_named(setting: str, other: str = "") -> Iterator[None]:
    """Where the block runs out of a GPU's memory, say which setting asks for less.

    Args:
        setting: to be lowered.
        other: what else would help, as in ``set train.graph to false``.

    Raises:
        NoRoomError: instead of PyTorch's own error.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        said = str(error).partition(". ")[0]
        advice = f"lower it, or {other}" if other else "lower it"
        raise NoRoomError(f"{setting} must fit the GPU's memory: {advice} ({said})") from error


def sent(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """``values``, of the host, on ``device``; the host does not wait until they are there."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


_Network = TypeVar("_Network", bound=torch.nn.Module)


def on_device(
    network: _Network,
    device: torch.device,
    order: torch.memory_format = torch.channels_last,
) -> _Network:
    """``network`` itself, moved to ``device``, with its features in ``order`` in memory."""
    return network.to(device).to(memory_format=order)


def set_threads(threads: int) -> None:
    """Use exactly ``threads`` CPU threads: sums depend on how they are split."""
    torch.set_num_threads(threads)
