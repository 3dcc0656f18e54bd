"""What this machine has."""

import os
from pathlib import Path

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_mb() -> int | None:
    """MB of memory that a process may use, a container's limit included; None if unknown."""
    sizes = [_physical_bytes(), *(_limit_bytes(Path(path)) for path in _LIMITS)]
    known = [size for size in sizes if size]
    return min(known) // 10**6 if known else None


def _physical_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _limit_bytes(path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return 0
    return int(text) if text.isdecimal() else 0  # "max" where there is no limit
