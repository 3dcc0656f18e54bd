"""What a time was measured on, in one line for the reader of a table."""

import platform
import re
from importlib import metadata
from pathlib import Path

import torch

_PACKAGES = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime"}


def machine_text(device: torch.device, threads: int) -> str:
    """Processor or GPU, CPU threads used, operating system and versions."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    used = f"{threads} CPU thread{'s' * (threads != 1)}"
    versions = [f"{shown} {metadata.version(p)}" for p, shown in _PACKAGES.items()]
    return ", ".join([name, used, platform.system(), *versions])


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", described.read_text(), re.M)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()
