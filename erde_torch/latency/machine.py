"""What a time was measured on, in one line for the reader of a table, and what else ran there."""

import contextlib
import os
import platform
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass
class Load:
    """Cores that other processes kept busy, on average; None where the system does not say."""

    cores: float | None = None


@contextlib.contextmanager
def other_load() -> Iterator[Load]:
    """Watch the machine while the block runs; the answer is there when it has ended."""
    load, before, own, started = Load(), _busy_seconds(), time.process_time(), time.monotonic()
    yield load
    own, elapsed, after = time.process_time() - own, time.monotonic() - started, _busy_seconds()
    if before is not None and after is not None and elapsed > 0:
        load.cores = max(0.0, (after - before - own) / elapsed)


def _busy_seconds() -> float | None:
    """CPU seconds of all processes since the start, those of other virtual machines included."""
    counters = Path("/proc/stat")
    if not counters.exists():
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, counters.read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", described.read_text(), re.M)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()
