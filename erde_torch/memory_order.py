"""In which order a network's features lie in memory while it learns."""

import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

# In channels-last order the gradient of a strided 1×1 convolution of fewer channels than a CPU's
# vector has lanes (16 of AVX-512, 8 of AVX2), by oneDNN (in PyTorch 2.14), writes outside of its
# arrays: the process dies of SIGSEGV or SIGABRT, or goes on with a damaged heap. From this number
# on it stays inside on both, and so it does in contiguous order: checked by glibc's MALLOC_CHECK_.
_LEAST_CHANNELS = 16
# With AVX-512 one thread stays inside up to this side, in pixels, too; several threads do not.
_SAFE_SIDE = 40


def order_of_training(
    network: nn.Module, sides: tuple[int, int], device: torch.device
) -> torch.memory_format:
    """Channels last, which is faster; on a CPU not where the gradient would damage memory.

    That depends on the CPU, on what oneDNN is told to use of it, and on the number of its threads,
    which must be set before.

    Args:
        network: whose gradient is wanted.
        sides: (height, width) of its images, pixels.
        device: where it learns.
    """
    narrow = any(_is_narrow(module) for module in network.modules())
    is_safe = _has_avx512() and max(sides) <= _SAFE_SIDE and torch.get_num_threads() == 1
    if device.type == "cpu" and narrow and not is_safe:
        return torch.contiguous_format
    return torch.channels_last


def in_order(
    forward: Callable[[Tensor], Tensor], order: torch.memory_format
) -> Callable[[Tensor], Tensor]:
    """``forward`` of images ``(B, channels, H, W)``, which are brought into ``order`` first."""
    return lambda images: forward(images.contiguous(memory_format=order))


def _has_avx512() -> bool:
    """Whether oneDNN computes with it: it may be told to use less than the CPU has."""
    told = (os.environ.get(name, "") for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"))
    limit = next(filter(None, told), "ALL").upper()
    allowed = limit in ("ALL", "DEFAULT") or limit.startswith("AVX512")  # AVX10 may be narrower
    return allowed and torch.backends.cpu.get_cpu_capability() == "AVX512"


def _is_narrow(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and max(module.stride) > 1
        and module.in_channels < _LEAST_CHANNELS
    )
