"""How much memory is free for data, on the device that computes."""

from pathlib import Path

import torch

_SHARE = 0.5  # of what is free; the rest is for the network
_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def room_for_data(device: torch.device) -> int:
    """Bytes that images or a cache may take: half of what is free now."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()
    return int(_SHARE * free)


def free_memory() -> int:
    """Bytes of main memory that are free, within a container's limit."""
    found = [_available()]
    for most, used in _LIMITS:
        limit, current = _number(most), _number(used)
        if limit is not None and current is not None:
            found.append(max(0, limit - current))
    return min(found)


def _available() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _number(path: str) -> int | None:
    try:
        text = Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdecimal() else None  # "max" where there is no limit
